"""The answer of a study in a real Chromium: what its headline says, from which film, and how far the page goes."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import date
from typing import TYPE_CHECKING, Any

from playwright.sync_api import FilePayload, Page, ViewportSize, expect
from sqlalchemy import select, update

from accessibility import faults_of
from lungwise.patients.service import Patient
from lungwise.reading.artefact import shipped_card
from lungwise.studies.models import FilmRecord, ReadingRecord, Study
from processes import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Callable

    from live_server import Site

SIZES: tuple[ViewportSize, ...] = ({"width": 1366, "height": 768}, {"width": 390, "height": 844})
NORMAL = {"normal": 0.97, "COVID-19": 0.03, "other pneumonia": 0.02, "tuberculosis": 0.01}
TUBERCULOSIS = {"normal": 0.02, "COVID-19": 0.1, "other pneumonia": 0.2, "tuberculosis": 0.92}
TITLE = "Not normal. Suggests tuberculosis (92 %): test sputum. No COVID-19 pattern."


def sign_in(page: Page, base: str, email: str) -> None:
    page.goto(f"{base}/sign-in")
    page.fill("[name=email]", email)
    page.fill("[name=password]", PASSWORD)
    page.click("main button")


def choose(page: Page, base: str, name: str, kind: str, data: bytes) -> None:
    page.goto(f"{base}/studies/new")
    file: FilePayload = {"name": name, "mimeType": kind, "buffer": data}
    page.set_input_files("#films", [file])
    page.click("[type=submit]")
    page.wait_for_url(re.compile(r"/studies/[0-9a-f]{20}$"))
    page.wait_for_selector(".verdict:not(.waiting)")


def say(site: Site, number: int, findings: dict[str, float], **more: Any) -> None:
    """Let the shipped model have said this of one film of the newest study, and nothing of the others."""
    card, pattern = shipped_card(), None if findings is NORMAL else "tuberculosis"
    said = {"model": card.name, "version": card.version, "verdict": "negative", "probability": findings["COVID-19"]}
    said |= {"findings": findings, "normal_called": pattern is None, "pattern": pattern, "warnings": []}
    said["raised"] = [pattern] if pattern else []
    with site.database.writing() as session:
        study = session.scalars(select(Study).order_by(Study.id.desc())).first()
        assert study is not None
        films = session.scalars(select(FilmRecord.id).where(FilmRecord.study_id == study.id).order_by(FilmRecord.id))
        film = films.all()[number - 1]
        session.execute(update(ReadingRecord).where(ReadingRecord.film_id == film).values(**said | more))
        study.status, study.probability = "negative", findings["COVID-19"]


def films_of(film: Callable[..., bytes], count: int) -> bytes:
    """Pack films into a ZIP."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for seed in range(count):
            archive.writestr(f"{seed:03}.jpg", film(seed))
    return packed.getvalue()


def prints_no_forms(page: Page) -> None:
    """Look at what a printer is sent: what is read, and nothing that is pressed."""
    page.emulate_media(media="print")
    expect(page.get_by_text(TITLE).first).to_be_visible()
    pressed = page.locator("form, button, .button, summary, header.top, footer, nav, input, select")
    assert [one.inner_text() for one in pressed.all() if one.is_visible()] == []
    page.emulate_media(media="screen")


def test_a_film_of_tuberculosis_is_headed_so_on_every_page(
    served: Site, page: Page, film: Callable[..., bytes]
) -> None:
    served.enrol("Ada")
    sign_in(page, served.address, "ada@example.org")
    choose(page, served.address, "film.jpg", "image/jpeg", film(1))
    say(served, 1, TUBERCULOSIS)
    study = page.url
    for size in SIZES:
        page.set_viewport_size(size)
        page.goto(study)
        expect(page.locator(".verdict h1")).to_have_text(TITLE)
        expect(page.locator(".verdict")).to_have_class("verdict amber")
        expect(page.locator(".verdict .number")).to_have_text("92 % Tuberculosis: calibrated probability")
        assert "COVID-19 negative" not in page.content()
        expect(page.locator("table.findings").first).to_be_hidden()
        page.click("text=Details")
        expect(page.locator("table.findings").first).to_contain_text("Tuberculosis")
        assert faults_of(page) == []
        for address in ("/studies", str(page.locator(".crumb a").last.get_attribute("href"))):
            page.goto(served.address + address)
            expect(page.locator(".level").first).to_have_text(TITLE)
            expect(page.locator(".level").first).to_have_class("level amber")
            assert faults_of(page) == []
        page.goto(study)
        page.click("text=Enlarge")
        expect(page.locator("figcaption .level")).to_have_text(TITLE)
        assert faults_of(page) == []
        page.goto(study)
        page.click("text=Print")
        expect(page.locator(".report .verdict h2")).to_have_text(TITLE)
        assert faults_of(page) == []
        for address in (page.url, study):
            page.goto(address)
            prints_no_forms(page)


def test_a_normal_film_does_not_rule_out_infection(served: Site, page: Page, film: Callable[..., bytes]) -> None:
    served.enrol("Ada")
    sign_in(page, served.address, "ada@example.org")
    choose(page, served.address, "film.jpg", "image/jpeg", film(1))
    say(served, 1, NORMAL)
    page.reload()
    expect(page.locator(".verdict")).to_have_class("verdict green")
    expect(page.locator(".verdict")).to_contain_text("No COVID-19 pattern seen. This does not rule out infection.")


def test_a_child_a_photograph_and_a_turned_film_are_in_the_headline(
    served: Site, page: Page, film: Callable[..., bytes]
) -> None:
    served.enrol("Ada")
    sign_in(page, served.address, "ada@example.org")
    choose(page, served.address, "film.jpg", "image/jpeg", film(1))
    say(served, 1, NORMAL, warnings=["photograph", "turned-upright"])
    page.reload()
    expect(page.locator(".verdict")).to_have_class("verdict grey")
    expect(page.locator(".verdict h1")).to_have_text(
        "Read from a photograph, less surely than from the film. The film was turned upright: check its sides. "
        "Looks normal. No COVID-19 pattern seen."
    )
    say(served, 1, TUBERCULOSIS)
    with served.database.writing() as session:
        session.scalars(select(Patient)).one().birth_date = date.today().replace(year=date.today().year - 5, day=1)
    page.reload()
    expect(page.locator(".verdict")).to_have_class("verdict grey")
    expect(page.locator(".verdict h1")).to_have_text(f"Not made for children. {TITLE}")
    assert faults_of(page) == []


def test_fifty_films_are_one_headline_one_film_and_a_grid(served: Site, page: Page, film: Callable[..., bytes]) -> None:
    served.enrol("Ada")
    sign_in(page, served.address, "ada@example.org")
    choose(page, served.address, "films.zip", "application/zip", films_of(film, 50))
    for number in range(1, 51):
        say(served, number, NORMAL)
    for number in (3, 17, 31):
        say(served, number, TUBERCULOSIS | {"tuberculosis": 0.92 if number == 17 else 0.8})
    study = page.url
    answer = page.goto(study)
    assert answer is not None and len(answer.body()) <= 120_000
    expect(page.locator(".verdict h1")).to_have_text(TITLE)
    source = page.locator(".verdict a", has_text="highest: film 17")
    expect(source).to_have_text("Not normal: 3 of 50 films; highest: film 17.")
    expect(page.locator("#film-name")).to_have_text("Film 17")
    expect(page.locator("li.film")).to_have_count(50)
    page.locator("li.film a", has_text=re.compile("Film 3$")).click()
    expect(page.locator("#film-name")).to_have_text("Film 3")
    expect(page.locator(".verdict h1")).to_have_text(TITLE)
    source.click()
    expect(page.locator("#film-name")).to_have_text("Film 17")
    for size, tallest in zip(SIZES, (6_000, 12_000), strict=True):
        page.set_viewport_size(size)
        page.goto(study)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.evaluate("document.documentElement.scrollHeight") <= tallest
    assert faults_of(page) == []
