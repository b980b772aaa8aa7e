"""A doctor's visit in a real Chromium, on SQLite and on MariaDB."""

from __future__ import annotations

import io
import re
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, FilePayload, Page, StorageState, ViewportSize, expect
from pydicom.data import get_testdata_file

from accessibility import faults_of
from conftest import blank_bytes, film_bytes
from live_server import serving_site
from lungwise.access import Role
from lungwise.accounts.security import setup_code
from lungwise.settings import Settings
from processes import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from live_server import Site

PASSWORD = "three green kites fly"
DESKTOP, PHONE = ViewportSize(width=1366, height=768), ViewportSize(width=390, height=844)


READ = ".verdict:not(.waiting)"
"""The verdict of a study whose films are read; until then its page asks, and loads itself again."""


def file(name: str, kind: str, data: bytes) -> FilePayload:
    return {"name": name, "mimeType": kind, "buffer": data}


def sign_in(page: Page, base: str, email: str) -> None:
    page.set_default_timeout(120_000)
    page.goto(f"{base}/sign-in")
    page.fill("[name=email]", email)
    page.fill("[name=password]", PASSWORD)
    page.click("main button")


def choose(page: Page, base: str, name: str, kind: str, data: bytes) -> None:
    send(page, base, name, kind, data)
    page.wait_for_selector(READ)


def send(page: Page, base: str, name: str, kind: str, data: bytes) -> None:
    page.goto(f"{base}/studies/new")
    page.set_input_files("#films", [file(name, kind, data)])
    page.click("[type=submit]")
    page.wait_for_url(re.compile(r"/studies/[0-9a-f]{20}$"))


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_doctors_whole_visit(
    size: ViewportSize,
    either_served: Site,
    page: Page,
    film: Callable[..., bytes],
    authenticator: Callable[..., str],
) -> None:
    base = either_served.address
    page.set_viewport_size(size)
    start(page, base, setup_code(either_served.settings))
    set_up_a_second_factor(page, base, authenticator)

    page.goto(f"{base}/studies/new")
    page.fill("[name=name]", "Béla Bartók")
    page.set_input_files(
        "#films",
        [file(f"{n}.jpg", "image/jpeg", film(n, 8)) for n in range(3)],
    )
    page.click("[type=submit]")
    page.wait_for_url(re.compile(r"/studies/[0-9a-f]{20}$"))
    page.wait_for_selector(READ)
    study = page.url
    expect(page.locator(".verdict h1")).to_have_text("Looks like COVID-19 pneumonia.")
    expect(page.locator("li.film")).to_have_count(3)
    assert page.locator("img.heat").first.evaluate("image => image.decode().then(() => image.naturalWidth)") == 272
    conclude(page)
    with page.expect_download() as download:
        page.click("text=Report as PDF")
    assert Path(download.value.path()).read_bytes().startswith(b"%PDF")
    page.click("text=Print")
    expect(page.locator(".report h1")).to_have_text("Chest X-ray report")

    if size is DESKTOP:
        send_dicom_and_zip(page, base, film)
    page.goto(f"{base}/studies")
    expect(page.locator("table.list tbody tr")).to_have_count(3 if size is DESKTOP else 1)
    page.fill("[name=text]", "bartok")
    page.click("text=Show")
    expect(page.locator("table.list tbody tr")).to_have_count(1)

    send_offline_and_back(page, base, film(30))
    merge_into(page, study)
    choose_french(page, base)
    sign_out(page)
    expect(page).to_have_url(f"{base}/sign-in")


def start(page: Page, base: str, code: str) -> None:
    """Open the first account, and sign in."""
    page.goto(base)
    expect(page).to_have_url(f"{base}/welcome")
    for name, value in {
        "code": code,
        "clinic_name": "Hill",
        "name": "Ada",
        "email": "ada@example.org",
        "password": PASSWORD,
        "again": PASSWORD,
    }.items():
        page.fill(f"[name={name}]", value)
    page.click("[type=submit]")
    sign_in(page, base, "ada@example.org")


def set_up_a_second_factor(page: Page, base: str, authenticator: Callable[..., str]) -> None:
    """Set up an authenticator app and recovery codes, and sign in anew with a code."""
    page.goto(f"{base}/second-factor")
    page.click("text=Set up an authenticator app")
    secret = page.inner_text("main code").replace("-", "")
    page.fill("[name=code]", authenticator(secret))
    page.click("text=Confirm")
    page.click("text=Create new codes")
    expect(page.locator("main li code")).to_have_count(8)
    sign_out(page)
    sign_in(page, base, "ada@example.org")
    expect(page.locator("h1")).to_have_text("Second factor")
    page.fill("[name=code]", authenticator(secret, 1))  # each code works once
    page.click("main button")
    expect(page.locator("h1")).to_have_text("Worklist")


def conclude(page: Page) -> None:
    """Give an opinion, a test's result and symptoms on a study's page."""
    page.check("text=I disagree")
    page.select_option("[name=conclusion]", "other")
    page.fill("[name=other]", "fibrosis")
    page.fill("[name=note]", "an old scar")
    page.click("text=Save opinion")
    expect(page.locator(".said")).to_contain_text("an old scar")
    expect(page.locator(".said")).to_contain_text("fibrosis")
    page.click("text=Enter a test result")
    page.select_option("[name=kind]", "pcr")
    page.select_option("[name=result]", "negative")
    page.fill("[name=tested_on]", "2026-03-01")
    page.select_option("[name=reason]", "film")
    page.click("text=Save result")
    expect(page.locator(".said").last).to_contain_text("PCR (COVID-19): Negative")
    expect(page.locator(".said").last).to_contain_text("Because of this film")
    page.click("text=Add symptoms and SpO2")
    page.check("text=Fever")
    page.fill("[name=spo2]", "91")
    page.click("#clinical-submit")
    expect(page.locator("dl.facts").nth(1)).to_contain_text("91 %")


def send_dicom_and_zip(page: Page, base: str, film: Callable[..., bytes]) -> None:
    """Send a DICOM file, which names its patient, and an archive of two films."""
    dicom = Path(str(get_testdata_file("CT_small.dcm"))).read_bytes()
    choose(page, base, "film.dcm", "application/dicom", dicom)
    expect(page.locator(".crumb")).to_contain_text("CompressedSamples CT1")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for seed in (20, 21):
            archive.writestr(f"{seed}.jpg", film(seed))
    choose(page, base, "films.zip", "application/zip", packed.getvalue())
    expect(page.locator("li.film")).to_have_count(2)


def send_offline_and_back(page: Page, base: str, data: bytes) -> None:
    """Send a film of what may be another patient while the network is away, and again when it is back."""
    page.goto(f"{base}/studies/new")
    page.set_input_files("#films", [file("later.jpg", "image/jpeg", data)])
    page.fill("[name=identifier]", "H-9")
    page.context.set_offline(True)
    page.click("#upload [type=submit]")
    expect(page.locator("#trouble")).to_contain_text("The connection was lost")
    page.context.set_offline(False)
    page.click("#upload [type=submit]")
    page.wait_for_selector(READ)


def merge_into(page: Page, study: str) -> None:
    """Merge the entry H-9 into the patient of a study, both seen side by side before."""
    page.goto(study)
    page.click("section.patient a")
    page.click("text=Merge a duplicate")
    page.fill("[name=identifier]", "H-9")
    page.click("form[action$='/merge'] [type=submit]")
    expect(page.locator("h1")).to_have_text("Are these the same person?")
    page.check("text=Both entries are the same person")
    page.click("text=Merge into this patient")
    expect(page.locator("ul.films > li.film")).to_have_count(2)


def choose_french(page: Page, base: str) -> None:
    page.goto(f"{base}/profile")
    page.select_option("[name=language]", "fr")
    page.click("main form [type=submit] >> nth=0")
    expect(page.locator("html[lang=fr]")).to_have_count(1)
    page.goto(f"{base}/studies")
    expect(page.locator("main h1")).to_have_text("Liste de travail")


def sign_out(page: Page) -> None:
    if page.locator(".menu-button").is_visible():
        page.click(".menu-button")
    page.click("header form[data-ends] button")
    expect(page).to_have_url(re.compile("/sign-in"))


def test_an_upload_that_is_refused_says_why(served: Site, chromium: Browser) -> None:
    base, page = served.address, chromium.new_page()
    served.enrol("Ada")
    sign_in(page, base, "ada@example.org")
    page.goto(f"{base}/studies/new")
    page.set_input_files("#films", [file("a.exe", "application/x", b"MZ no film")])
    page.click("[type=submit]")
    expect(page.locator("#trouble")).to_contain_text("not a film")
    expect(page.locator("[type=submit]")).to_be_enabled()
    page.close()


def test_a_film_that_is_refused_keeps_none_of_the_others(
    served: Site, chromium: Browser, film: Callable[..., bytes]
) -> None:
    base, page = served.address, chromium.new_page()
    served.enrol("Ada")
    sign_in(page, base, "ada@example.org")
    page.goto(f"{base}/studies/new")
    page.set_input_files(
        "#films",
        [
            file("one.jpg", "image/jpeg", film(1)),
            file("notes.exe", "application/x", b"MZ no film"),
            file("two.jpg", "image/jpeg", film(2)),
        ],
    )
    page.click("[type=submit]")
    expect(page.locator("#trouble")).to_contain_text("notes.exe is not a film.")
    expect(page.locator("#trouble")).to_contain_text("The other films are saved.")
    page.click("text=Go to the study")
    expect(page.locator("li.film")).to_have_count(2)
    page.close()


def test_a_folder_is_uploaded_whole(served: Site, page: Page, film: Callable[..., bytes], tmp_path: Path) -> None:
    base = served.address
    served.enrol("Ada")
    disc = tmp_path / "disc"
    (disc / "series").mkdir(parents=True)
    (disc / "DICOMDIR").write_bytes(b"an index, no film")
    (disc / ".hidden").write_bytes(b"no film")
    for seed in range(2):
        (disc / "series" / f"IM{seed}").write_bytes(film(seed))
    sign_in(page, base, "ada@example.org")
    page.goto(f"{base}/studies/new")
    page.set_input_files("#folder", disc)
    page.click("[type=submit]")
    page.wait_for_url(re.compile(r"/studies/[0-9a-f]{20}$"))
    page.wait_for_selector(READ)
    expect(page.locator("li.film")).to_have_count(2)


def test_two_fingers_zoom_where_they_are_and_one_moves_the_film(
    served: Site, chromium: Browser, film: Callable[..., bytes]
) -> None:
    base = served.address
    served.enrol("Ada")
    context = chromium.new_context(viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True)
    page = context.new_page()
    sign_in(page, base, "ada@example.org")
    choose(page, base, "a.jpg", "image/jpeg", film(1))
    page.click("text=Enlarge")
    expect(page.locator(".layers")).to_have_attribute("style", re.compile("scale"))
    page.locator(".stage").scroll_into_view_if_needed()
    touch = context.new_cdp_session(page)

    def fingers(kind: str, *places: tuple[float, float]) -> None:
        points = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(places)]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    def place() -> dict[str, float]:
        return dict(
            page.evaluate(
                "(({x, y, width, height}) => ({x, y, width, height}))"
                "(document.querySelector('.layers').getBoundingClientRect())"
            )
        )

    before = place()
    x, y = before["x"] + before["width"] / 4, before["y"] + before["height"] / 2
    fingers("touchStart", (x - 20, y), (x + 20, y))
    fingers("touchMove", (x - 40, y), (x + 40, y))
    fingers("touchEnd")
    zoomed = place()
    assert zoomed["width"] == pytest.approx(2 * before["width"], rel=0.02)
    assert zoomed["x"] + zoomed["width"] / 4 == pytest.approx(x, abs=4)  # what the fingers held is beneath them still
    fingers("touchStart", (x, y))
    fingers("touchMove", (x + 30, y))
    fingers("touchEnd")
    assert place()["x"] == pytest.approx(zoomed["x"] + 30, abs=1)
    context.close()


def test_the_viewer_zooms_inverts_windows_and_compares(
    served: Site,
    page: Page,
    film: Callable[..., bytes],
) -> None:
    base = served.address
    served.enrol("Ada")
    sign_in(page, base, "ada@example.org")
    page.goto(f"{base}/studies/new")
    page.set_input_files("#films", [file(f"{n}.jpg", "image/jpeg", film(n, 8 * n)) for n in range(2)])
    page.click("[type=submit]")
    page.click("text=Enlarge >> nth=0")
    expect(page.locator(".layers")).to_have_attribute("style", re.compile("width"))

    def middle() -> int:
        return int(
            page.evaluate(
                "() => { const c = document.querySelector('canvas');"
                " return c.getContext('2d').getImageData(c.width / 2, c.height / 2, 1, 1).data[0]; }"
            )
        )

    def transform() -> str:
        return str(page.evaluate("document.querySelector('.layers').style.transform"))

    before = middle()
    page.keyboard.press("i")
    assert abs(middle() - (255 - before)) <= 1
    page.keyboard.press("0")
    assert middle() == before
    page.locator("#level").fill("20")
    assert middle() > before
    page.keyboard.press("0")
    page.locator("#level").blur()
    page.keyboard.press("+")
    assert "scale(1.25)" in transform()
    still = transform()
    page.keyboard.press("ArrowLeft")
    assert transform() != still
    page.keyboard.press("h")
    assert page.evaluate("document.querySelector('img.heat').style.opacity") == "0"
    page.click("ul.plain a >> nth=0")
    expect(page.locator("canvas")).to_have_count(2)
    expect(page.locator("figure")).to_have_count(2)


def test_a_typed_password_can_be_looked_at(served: Site, page: Page) -> None:
    served.enrol("Ada")
    page.goto(f"{served.address}/sign-in")
    page.fill("[name=email]", "ada@example.org")
    page.fill("[name=password]", PASSWORD)
    field = page.locator("[name=password]")
    for shown, kind in ((True, "text"), (False, "password"), (True, "text")):
        page.get_by_label("Show password").set_checked(shown)
        expect(field).to_have_attribute("type", kind)
        expect(field).to_have_value(PASSWORD)
    page.click("main button")
    expect(page.locator("h1")).to_have_text("Worklist")
    page.goto(f"{served.address}/password")
    page.check("text=Show password")
    expect(page.locator("main input[type=text]")).to_have_count(3)
    expect(page.locator("main input[type=password]")).to_have_count(0)


def test_nothing_is_kept_in_the_browsers_storage(served: Site, page: Page, film: Callable[..., bytes]) -> None:
    served.enrol("Ada")
    sign_in(page, served.address, "ada@example.org")
    choose(page, served.address, "a.jpg", "image/jpeg", film(1))
    page.click("text=Enlarge")
    expect(page.locator("canvas")).to_be_visible()
    assert page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]") == [0, 0, ""]
    of_the_database = """() => new Promise((resolve) => {
        indexedDB.open("lungwise").onsuccess = ({ target: { result } }) => {
            const names = [...result.objectStoreNames], counts = [];
            const transaction = result.transaction(names);
            for (const name of names) {
                transaction.objectStore(name).count().onsuccess = (event) => counts.push(event.target.result);
            }
            transaction.oncomplete = () => resolve(counts);
        };
    })"""
    assert page.evaluate(of_the_database) == [0, 0]  # of uploads, and of films


def test_without_script_one_signs_in_uploads_and_reads_the_verdict(
    served: Site,
    chromium: Browser,
    film: Callable[..., bytes],
) -> None:
    base = served.address
    served.enrol("Ada")
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    sign_in(page, base, "ada@example.org")
    send(page, base, "a.jpg", "image/jpeg", film(1, 8))
    until(lambda: is_read_when_loaded_again(page))
    expect(page.locator(".verdict h1")).to_have_text("Looks like COVID-19 pneumonia.")
    context.close()


def is_read_when_loaded_again(page: Page) -> bool:
    """Load a study's page again, where its link says so."""
    if page.locator(READ).count() == 0:
        page.get_by_role("link", name="Reload this page").click()
        page.wait_for_load_state()
    return page.locator(READ).count() == 1


@dataclass(frozen=True)
class Tour:
    """Pages to look at, before and after somebody signs in."""

    base: str
    open: list[str]
    closed: list[str]
    signed_in: StorageState


@pytest.fixture(scope="module")
def tour(chromium: Browser, empty_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tour]:
    """Serve an installation with people, a study, and a study with a film that was refused."""
    settings = Settings(data_folder=tmp_path_factory.mktemp("tour"), argon2_time=1, argon2_memory=64)
    settings = settings.model_copy(update={"administrator_second_factor": False})
    shutil.copy(empty_sqlite, settings.data_folder / "lungwise.sqlite")
    with serving_site(settings) as site:
        site.enrol("Bob")
        site.enrol("Ada", role=Role.ADMINISTRATOR)
        context = chromium.new_context()
        page = context.new_page()
        sign_in(page, site.address, "ada@example.org")
        choose(page, site.address, "a.jpg", "image/jpeg", film_bytes(1, 8))
        whole = page.url
        choose(page, site.address, "a.jpg", "image/jpeg", film_bytes(2, 8))
        page.set_input_files("[name=films]", [file("b", "image/jpeg", blank_bytes())])
        page.click("text=Add films")
        page.wait_for_selector(READ)
        film, patient = (page.get_attribute(f"a[href^='{link}']", "href") or "" for link in ("/films/", "/patients/"))
        own = ["studies", "studies/new", "patients", "statistics", "accounts", "audit", "profile", "password"]
        own += ["second-factor", "second-factor/recovery-codes", "orders", "hl7", "results", "held", "patients/unclear"]
        own += ["clinic", "clinic/old-studies", "queue", "drift", "local-accuracy", "local-accuracy/thresholds"]
        own += ["second-model", "aggregates", "accounts/tokens", "profile/tokens", "verify", "help/doctor", "api/v1/"]
        of_study = [page.url, film, patient, f"{patient}/change", f"{patient}/order", f"{page.url}/report"]
        yield Tour(
            base=site.address,
            open=["/sign-in", "/register", "/password/forgotten", "/nothing"],
            closed=[whole, *of_study, *map("/{}".format, own)],
            signed_in=context.storage_state(),
        )
        context.close()


@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing_and_no_page_is_wider_than_the_screen(width: int, tour: Tour, chromium: Browser) -> None:
    wrong: list[str] = []
    for paths, state in ((tour.open, None), (tour.closed, tour.signed_in)):
        context = chromium.new_context(
            viewport={"width": width, "height": 800},
            bypass_csp=True,
            storage_state=state,
        )
        page = context.new_page()
        page.set_default_timeout(120_000)
        for path in paths:
            page.goto(path if "://" in path else tour.base + path)
            wrong.extend(f"{path}: {fault}" for fault in faults_of(page))
        context.close()
    assert not wrong, "\n".join(wrong)
