"""A doctor's visit without JavaScript, on SQLite and on MariaDB."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydicom.data import get_testdata_file

from lungwise.access import Role
from lungwise.accounts.security import setup_code
from lungwise.audit.service import AuditTrail
from lungwise.store import FilmStore

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from conftest import Clock, Visitor
    from lungwise.access import Person
    from lungwise.settings import Settings
    from lungwise.web_app import Lungwise

PASSWORD = "three green kites fly"


def test_from_the_first_start_to_a_report(
    either_app: Lungwise, either: Settings, visit: Callable[..., Visitor], film: Callable[..., bytes], clock: Clock
) -> None:
    ada = visit(either_app)
    assert ada.get("/studies").headers["Location"] == "/welcome"
    first: dict[str, Any] = {
        "name": "Ada",
        "email": "Ada@Example.org",
        "password": PASSWORD,
        "again": PASSWORD,
        "clinic_name": "Hill",
    }
    assert "not the set-up code" in ada.post("/welcome", code="wrong", **first).text
    assert ada.post("/welcome", code=setup_code(either), **first).headers["Location"] == "/sign-in"
    assert ada.get("/welcome").headers["Location"] == "/sign-in"

    bob = visit(either_app)
    asked: dict[str, Any] = {"name": "Bob", "email": "bob@example.org", "password": PASSWORD, "again": PASSWORD}
    clinic = re.findall(r'<option value="(\d+)">Hill', bob.get("/register").text)[0]
    assert "waiting for your clinic" in bob.post("/register", clinic=clinic, **asked).text
    assert "waiting for your clinic" in bob.sign_in("bob@example.org").text

    assert ada.sign_in("ada@example.org").headers["Location"] == "/studies"
    key = re.findall(r"/accounts/(\w+)/approve", ada.get("/accounts").text)[0]
    ada.post(f"/accounts/{key}/approve", page="/accounts")
    assert bob.sign_in("bob@example.org").headers["Location"] == "/studies"

    study = bob.upload(film(3, 8), name="Béla Bartók", identifier="H-7")
    page = bob.get(study).text
    assert "Looks like COVID-19 pneumonia." in page
    assert "Typical of COVID-19" in page
    assert bob.get(re.findall(r'src="(/films/\w+/heat.png)"', page)[0]).mimetype == "image/png"
    opinion = bob.post(f"{study}/opinions", page=study, follow=True, agrees="no", conclusion="normal", note="a scar")
    assert "Disagrees with the verdict" in opinion.text
    report = bob.get(f"{study}/report.pdf")
    assert report.data.startswith(b"%PDF")
    assert "Disagrees" in bob.get(f"{study}/report").text

    dicom = Path(str(get_testdata_file("CT_small.dcm"))).read_bytes()
    assert "CompressedSamples CT1" in bob.get(bob.upload(dicom)).text
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for seed in range(3):
            archive.writestr(f"{seed}.jpg", film(10 + seed))
    assert bob.get(bob.upload(packed.getvalue())).text.count('class="card film"') == 3

    assert "Béla" in bob.post("/studies", text="bartok", follow=True).text
    assert "Béla" not in bob.post("/studies", text="clara", follow=True).text
    table = bob.post("/studies.csv", page="/studies").text.splitlines()
    assert len(table) == 4
    assert bob.get("/statistics").status_code == 200

    bob.post("/sign-out", page="/studies")
    assert bob.get("/studies").headers["Location"] == "/sign-in"
    with either_app.database.reading() as session:
        assert AuditTrail(session, clock).verify() is None


def test_a_second_factor_is_asked_for_and_a_recovery_code_stands_in(
    either_app: Lungwise,
    visit: Callable[..., Visitor],
    enrol: Callable[..., Person],
    authenticator: Callable[[str], str],
) -> None:
    enrol(either_app, "Ada")
    ada = visit(either_app)
    ada.sign_in("ada@example.org")
    page = ada.post("/second-factor", setup="authenticator").text
    secret = re.findall(r"Key: <code>([^<]+)", page)[0].replace("-", "")
    target = re.findall(r'action="(/second-factor[^"]*)"', page)[0]
    answer = ada.post(target, page="/second-factor", code=authenticator(secret))
    assert answer.status_code == 302, answer.text
    codes = re.findall(r"<li><code>([^<]+)", ada.post("/second-factor/recovery-codes").text)
    assert len(codes) == 8
    ada.post("/sign-out", page="/studies")

    assert "second-factor" in str(ada.sign_in("ada@example.org").headers["Location"])
    assert ada.get("/studies").status_code == 302
    assert ada.post("/second-factor/code", page="/second-factor/recovery", code="000000").status_code == 200
    assert ada.get("/studies").status_code == 302
    ada.post("/second-factor/recovery", code=codes[0])
    assert ada.get("/studies").status_code == 200
    ada.post("/sign-out", page="/studies")
    ada.sign_in("ada@example.org")
    ada.post("/second-factor/recovery", code=codes[0])
    assert ada.get("/studies").status_code == 302  # each code works once


def test_a_wrong_password_and_no_account_look_the_same(
    app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person]
) -> None:
    enrol(app, "Ada")
    pages = []
    for email in ("ada@example.org", "nobody@example.org"):
        page = visit(app).sign_in(email, "not the password").text
        pages.append(re.sub(r'value="[^"]*"', "", page))
    assert pages[0] == pages[1]


def test_a_sign_in_flood_is_slowed_whether_or_not_the_account_exists(
    app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person], clock: Clock
) -> None:
    enrol(app, "Ada")
    for email in ("ada@example.org", "nobody@example.org"):
        mallory = visit(app, "10.0.0.66")
        answers = [mallory.sign_in(email, f"guess number {number}").text for number in range(7)]
        assert ["Too many attempts" in answer for answer in answers] == [False] * 5 + [True] * 2
    assert "Too many attempts" in visit(app).sign_in("ada@example.org").text  # the right password waits too
    clock.forward(minutes=16)
    assert visit(app).sign_in("ada@example.org").status_code == 302


def test_a_session_ends_by_itself_and_a_copied_cookie_ends_with_it(
    app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person], clock: Clock
) -> None:
    enrol(app, "Ada")
    ada = visit(app)
    ada.sign_in("ada@example.org")
    cookie = ada.client.get_cookie("lungwise")
    assert cookie is not None
    thief = visit(app)
    thief.client.set_cookie("lungwise", cookie.value)
    assert thief.get("/studies").status_code == 200
    ada.post("/sign-out", page="/studies")
    assert thief.get("/studies").status_code == 302
    ada.sign_in("ada@example.org")
    for _ in range(15):
        clock.forward(minutes=50)  # used all the time, and over after twelve hours
        answer = ada.get("/studies")
    assert answer.status_code == 302


def test_every_answer_carries_the_headers_that_keep_a_page_safe(app: Lungwise, visit: Callable[..., Visitor]) -> None:
    for path in ("/sign-in", "/nothing", "/healthz", "/static/style.css"):
        headers = visit(app).get(path).headers
        assert "script-src 'self'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert not {"Server", "X-Powered-By", "Access-Control-Allow-Origin"} & set(headers.keys())
        assert "charset=utf-8" in headers["Content-Type"] or "json" in headers["Content-Type"]
    assert visit(app).get("/sign-in").headers["Cache-Control"].find("no-store") >= 0


def test_a_form_without_its_token_changes_nothing(
    app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person]
) -> None:
    enrol(app, "Ada")
    ada = visit(app)
    ada.sign_in("ada@example.org")
    for path in ("/studies/new", "/profile", "/studies.csv", "/patients"):
        assert ada.client.post(path, data={"name": "x", "text": "x"}).status_code == 400


def test_a_program_gets_a_problem_and_a_person_a_page(app: Lungwise, visit: Callable[..., Visitor]) -> None:
    answer = visit(app).get("/studies/nothing/x", headers={"Accept": "application/json"})
    assert answer.status_code in (302, 404)
    answer = visit(app).client.post("/sign-in", headers={"Accept": "application/json"})
    assert answer.content_type == "application/problem+json"
    assert answer.get_json()["status"] == 400


def test_the_first_page_is_light(app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person]) -> None:
    enrol(app, "Ada")
    page = visit(app).get("/sign-in")
    assets = re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text)
    total = len(page.data) + sum(len(visit(app).get(asset).data) for asset in set(assets))
    assert total < 100_000


def test_nothing_of_a_patient_is_in_an_address_or_the_log(
    app: Lungwise,
    visit: Callable[..., Visitor],
    enrol: Callable[..., Person],
    film: Callable[..., bytes],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG")
    enrol(app, "Ada")
    ada = visit(app)
    ada.sign_in("ada@example.org")
    study = ada.upload(film(1), name="Bartók", identifier="SECRET-7")
    pages = [study, "/studies", "/patients"]
    links = [link for page in pages for link in re.findall(r'(?:href|action|src)="([^"]+)"', ada.get(page).text)]
    lists = [ada.post("/studies", text="Bartók"), ada.post("/patients", text="SECRET-7")]
    links += [answer.headers["Location"] for answer in lists]
    assert all("Bartók" in ada.get(answer.headers["Location"]).text for answer in lists)
    everything = " ".join([*links, caplog.text])
    assert "SECRET-7" not in everything
    assert "Bart" not in everything


def test_two_entries_of_one_person_become_one_patient_and_then_none(
    app: Lungwise,
    settings: Settings,
    visit: Callable[..., Visitor],
    enrol: Callable[..., Person],
    film: Callable[..., bytes],
) -> None:
    enrol(app, "Ada", role=Role.ADMINISTRATOR)
    ada = visit(app)
    ada.sign_in("ada@example.org")
    studies = [ada.upload(film(n), name="Clara", identifier=f"H-{n}") for n in (1, 2)]
    kept, other = (re.findall(r"/patients/\w+", ada.get(study).text)[0] for study in studies)

    both = ada.post(f"{kept}/merge", page=kept, identifier="H-2").text
    assert all(study in both for study in studies) and "H-1" in both and "H-2" in both
    record = other.rsplit("/", 1)[1]
    unsure = ada.post(f"{kept}/merged", page=kept, other=record)
    unknown = ada.post(f"{kept}/merge", page=kept, identifier="H-3")
    itself = ada.post(f"{kept}/merge", page=kept, identifier="H-1")
    assert "Tick this first" in unsure.text
    assert "No patient has this identifier" in unknown.text
    assert "two different patients" in itself.text
    assert ada.get(other).status_code == 200, "none of these merged anything"

    assert "now one patient" in ada.post(f"{kept}/merged", page=kept, follow=True, other=record, sure="y").text
    assert ada.get(other).status_code == 404
    assert all(study in ada.get(kept).text and kept in ada.get(study).text for study in studies)
    assert "merged" in ada.get("/audit").text

    assert "Tick this first" in ada.post(f"{kept}/delete", page=kept).text
    ada.post(f"{kept}/delete", page=kept, sure="y")
    assert [ada.get(gone).status_code for gone in (kept, *studies)] == [404] * 3
    assert list(FilmStore(settings).films()) == []


def test_a_token_is_made_shown_once_and_revoked(
    app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person]
) -> None:
    enrol(app, "Ada", role=Role.ADMINISTRATOR)
    ada = visit(app)
    ada.sign_in("ada@example.org")
    for path in ("/profile/tokens", "/accounts/tokens"):
        made = ada.post(path, name="archive", days="30", scopes=["upload"]).text
        text = re.findall(r"<code>(lw_[\w\-]+)</code>", made)[0]
        page = ada.get(path).text
        assert text not in page
        assert "upload films" in page
        revoke = re.findall(rf'action="({path}/\w+/revoke)"', page)[0]
        assert "No tokens yet" in ada.post(revoke, page=path, follow=True).text
