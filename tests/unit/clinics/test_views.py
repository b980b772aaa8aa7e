"""The page of a clinic's settings, and what holds from then on: on pages, in reports and tables, in every process."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

from sqlalchemy import update

from conftest import known_of
from lungwise.access import Role
from lungwise.monitoring.models_in_use import current_model
from lungwise.reading.artefact import shipped_card
from lungwise.studies.models import ReadingRecord
from lungwise.web_app import create_app
from pdf_text import texts_of
from synthetic_reader import SyntheticReader

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Clock, Visitor
    from lungwise.access import Person
    from lungwise.settings import Settings
    from lungwise.web_app import Lungwise

ENTERED: dict[str, Any] = {
    "name": "Hill Clinic",
    "letterhead": "12 Hill Road\nTel. 555",
    "time_zone": "Africa/Nairobi",
    "prevalence": "50",
    "language": "es",
    "registration": "invitation",
}


def read_by_the_shipped_model(app: Lungwise) -> None:
    """Let the readings be of the model whose predictive values are known."""
    card = shipped_card()
    with app.database.writing() as session:
        session.query(ReadingRecord).update({"model": card.name, "version": card.version})


def number_of(page: str) -> str:
    found = re.search(r'<p class="number">([^<]+)', page)
    assert found, page
    return found[1]


def test_what_is_saved_holds_at_once_everywhere(
    either_app: Lungwise,
    either: Settings,
    clock: Clock,
    visit: Callable[..., Visitor],
    enrol: Callable[..., Person],
    film: Callable[..., bytes],
    tmp_path: Path,
) -> None:
    enrol(either_app, "Ada", role=Role.ADMINISTRATOR)
    other_process = create_app(either, SyntheticReader, clock)
    ada, elsewhere = visit(either_app), visit(other_process)
    for browser in (ada, elsewhere):
        browser.sign_in("ada@example.org")
    study = ada.upload(film(1, 8), name="Béla", identifier="7")
    ada.get(study)
    read_by_the_shipped_model(either_app)
    before = elsewhere.get(study).text
    assert "2 Mar 2026, 09:00 UTC" in before
    assert "/register" in visit(other_process).get("/sign-in").text

    assert ada.post("/clinic", **ENTERED).status_code == 302
    after = elsewhere.get(study).text
    assert '<html lang="es">' in after
    assert "2 mar 2026, 12:00 EAT" in after
    assert number_of(after) != number_of(before)
    report = elsewhere.get(f"{study}/report").text
    assert re.search(r"Hill Clinic</strong><br>12 Hill Road<br>Tel. 555", report)
    assert "2026-03-02 12:00 EAT" in report
    for text in texts_of(elsewhere.get(f"{study}/report.pdf").data, tmp_path):
        assert "12 Hill Road" in text
        assert "2026-03-02 12:00 EAT" in text
    clock.forward(hours=13)  # the day there is another one than in UTC
    elsewhere = visit(other_process)
    elsewhere.sign_in("ada@example.org")
    table = elsewhere.post("/studies.csv", page="/studies")
    assert 'filename="studies-2026-03-03.csv"' in table.headers["Content-Disposition"]
    assert "2026-03-02T12:00:00+03:00" in table.text
    stranger = visit(other_process)
    assert "/register" not in stranger.get("/sign-in").text
    assert stranger.get("/register").status_code == 404
    other_process.database.close()


def test_days_of_a_filter_are_those_of_the_clinic(
    app: Lungwise,
    clock: Clock,
    visit: Callable[..., Visitor],
    enrol: Callable[..., Person],
    film: Callable[..., bytes],
) -> None:
    enrol(app, "Ada", role=Role.ADMINISTRATOR)
    ada = visit(app)
    ada.sign_in("ada@example.org")
    ada.post("/clinic", **{**ENTERED, "language": "", "time_zone": "Pacific/Auckland"})
    clock.forward(hours=4)  # 13:00 in UTC: there it is 2 in the morning of the third
    ada = visit(app)
    ada.sign_in("ada@example.org")
    ada.upload(film(1), name="Béla", identifier="7")
    for day, is_there in (("2026-03-02", False), ("2026-03-03", True)):
        assert ("Béla" in ada.post("/studies", since=day, until=day, follow=True).text) is is_there, day
        trail = ada.get(f"/audit?since={day}&until={day}&action=uploaded").text
        assert ("3 Mar 2026, 02:00" in trail) is is_there, day


def test_what_another_administrator_set_meanwhile_stays(
    app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person]
) -> None:
    enrol(app, "Ada", role=Role.ADMINISTRATOR)
    ada = visit(app)
    ada.sign_in("ada@example.org")
    opened = known_of(ada.get("/clinic").text)
    ada.post("/clinic", **{**ENTERED, "language": ""}, known=opened)
    old: dict[str, Any] = {"name": "Hill", "letterhead": "", "time_zone": "", "language": "", "registration": "open"}
    answer = ada.post("/clinic", **old, prevalence="", known=opened)
    assert answer.status_code == 409
    assert "Letterhead: 12 Hill Road" in answer.text
    assert "Who may open an account: Only those who are invited" in answer.text
    assert re.search(r'name="prevalence"[^>]*value="50[".]', answer.text)
    assert re.search(r'<option selected value="open"', answer.text)
    assert "12 Hill Road" in ada.get("/clinic").text
    saved = {**ENTERED, "language": "", "registration": "open", "letterhead": "12 Hill Road\r\nTel. 555"}
    assert ada.post("/clinic", **saved, known=known_of(answer.text)).status_code == 302


def test_what_makes_no_sense_is_said_and_changes_nothing(
    app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person]
) -> None:
    enrol(app, "Ada", role=Role.ADMINISTRATOR)
    ada = visit(app)
    ada.sign_in("ada@example.org")
    wrong = {
        "name": ("", "   ", "a\nb"),
        "letterhead": ("1\n2\n3\n4\n5\n6\n7",),
        "time_zone": ("Mars/Olympus",),
        "prevalence": ("-1", "101", "many", "nan"),
        "language": ("xx",),
        "registration": ("all",),
    }
    for field, values in wrong.items():
        for value in values:
            answer = ada.post("/clinic", **{**ENTERED, field: value})
            assert answer.status_code == 200, (field, value)
            assert 'class="error"' in answer.text, (field, value)
    assert 'value="Hill"' in ada.get("/clinic").text


def test_a_browser_that_was_left_signed_in_shows_and_changes_nothing(
    app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person]
) -> None:
    enrol(app, "Ada", role=Role.ADMINISTRATOR)
    ada = visit(app)
    ada.sign_in("ada@example.org")
    with ada.client.session_transaction() as session:
        session["fs_paa"] = time.time() - 15 * 60 - 1
    page = ada.get("/clinic").text
    assert "/verify" in page
    assert 'name="registration"' not in page
    ada.post("/clinic", page="/profile", **ENTERED)
    assert "Hill Clinic" not in ada.get("/profile").text


def test_people_who_wait_are_shown_where_the_administrator_looks(
    app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person]
) -> None:
    for name, role in (("Ada", Role.ADMINISTRATOR), ("Bob", Role.DOCTOR)):
        enrol(app, name, role=role)
    ada, bob = visit(app), visit(app)
    ada.sign_in("ada@example.org")
    bob.sign_in("bob@example.org")
    assert 'class="count"' not in ada.get("/studies").text
    applicant: dict[str, Any] = {"name": "Carl", "email": "carl@example.org", "clinic": "1"}
    visit(app).post("/register", **applicant, password="five blue doors close", again="five blue doors close")
    for page in ("/studies", "/patients", "/profile"):
        assert 'class="count"' in ada.get(page).text, page
        assert 'class="count"' not in bob.get(page).text, page
    assert "1 person is waiting for an account." in ada.get("/studies").text
    key = re.findall(r"/accounts/(\w+)/approve", ada.get("/accounts").text)[0]
    ada.post(f"/accounts/{key}/approve", page="/accounts")
    assert 'class="count"' not in ada.get("/studies").text


def test_a_clock_that_cannot_be_right_is_said(
    app: Lungwise, clock: Clock, visit: Callable[..., Visitor], enrol: Callable[..., Person], film: Callable[..., bytes]
) -> None:
    enrol(app, "Ada", role=Role.ADMINISTRATOR)
    ada = visit(app)
    ada.sign_in("ada@example.org")
    ada.upload(film(1), name="Béla", identifier="7")
    assert "cannot be right" not in ada.get("/studies").text
    clock.forward(days=-3)
    later = visit(app)
    later.sign_in("ada@example.org")
    for page in ("/studies", "/studies/new", "/clinic"):
        text = later.get(page).text
        assert "it shows 27 Feb 2026, 09:00 UTC, but the last film was uploaded on 2 Mar 2026, 09:00 UTC" in text, page


def test_studies_are_drawn_for_a_check_and_results_count_as_long_as_the_clinic_says(
    app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person], film: Callable[..., bytes]
) -> None:
    enrol(app, "Ada", role=Role.ADMINISTRATOR)
    ada = visit(app)
    ada.sign_in("ada@example.org")
    studies = [ada.upload(film(number), identifier=f"H-{number}") for number in range(6)]
    drawn = "Drawn for a check: please test"
    assert all(drawn not in ada.get(study).text for study in studies)
    as_installed: dict[str, Any] = {"name": "Hill", "time_zone": "", "language": "", "registration": ""}
    for wrong in ({"sampled": "1"}, {"result_days": "31"}, {"sampled": "many"}):
        assert "Saved." not in ada.post("/clinic", follow=True, **as_installed, **wrong).text
    assert "Saved." in ada.post("/clinic", follow=True, **as_installed, sampled="2", result_days="7").text
    form = ada.get("/clinic").text
    assert re.search(r'name="sampled"[^>]*value="2"', form) and re.search(r'name="result_days"[^>]*value="7"', form)
    asked = [study for study in studies if drawn in ada.get(study).text]
    worklist = ada.get("/studies").text
    assert worklist.count(drawn) == len(asked) < len(studies)
    list(app.worker.read_all())
    used = current_model()
    with app.database.writing() as session:
        session.execute(update(ReadingRecord).values(model=used.name, version=used.version))
    assert "at most 7 days from" in ada.get("/local-accuracy").text
    if asked:
        result: dict[str, Any] = {"kind": "pcr", "result": "negative", "tested_on": "2026-03-02", "reason": "sample"}
        ada.post(f"{asked[0]}/results", asked[0], **result)
        assert drawn not in ada.get(asked[0]).text
