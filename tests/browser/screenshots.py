"""Photograph every page on a desktop and a phone: `python tests/browser/screenshots.py FOLDER [NAME ...]`.

The installation photographed is a demonstration one, made for it and thrown away. Names restrict what is taken.
"""

from __future__ import annotations

import io
import itertools
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

from flask_security.recoverable import generate_reset_password_token
from PIL import Image
from playwright.sync_api import Page, ViewportSize, sync_playwright
from sqlalchemy import select

sys.path.insert(0, str(Path(__file__).parents[1]))

import synthetic
from dated_films import dated_film
from lungwise.access import Person, Role
from lungwise.accounts.models import User
from lungwise.accounts.service import Accounts, Applicant
from lungwise.accounts.tokens import Scope, Tokens
from lungwise.audit.service import AuditTrail
from lungwise.cli import demo
from lungwise.cli.synthetic_film import as_jpeg, synthetic_film
from lungwise.monitoring.models_in_use import current_model
from lungwise.orders.order import OrderRequest, OrderUrgency, OrderWay, Procedure
from lungwise.orders.service import Order, Orders
from lungwise.patients.service import PatientFacts, Patients
from lungwise.receiving.duplicates import Difference
from lungwise.receiving.film_files import FilmFiles
from lungwise.receiving.uploads import Upload
from lungwise.settings import Settings
from lungwise.store import Database, FilmStore, new_key, utc_now
from lungwise.studies.models import JobState
from lungwise.studies.service import Study
from lungwise.web_app import create_app
from one_session import StudiesInOneSession
from photographs import SCENES, photograph
from processes import serving
from synthetic_reader import SyntheticReader

SCREENS = (ViewportSize(width=1366, height=768), ViewportSize(width=390, height=844))
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
WITH_FACTOR = "factor@example.org"
PAGES = (
    "studies",
    "studies/new",
    "patients",
    "patients/unclear",
    "held",
    "results",
    "accounts",
    "accounts/tokens",
    "clinic",
    "clinic/old-studies",
    "orders",
    "audit",
    "queue",
    "profile",
    "profile/tokens",
    "password",
    "second-factor",
    "second-factor/recovery-codes",
    "verify",
    "help/doctor",
    "help/health worker",
    "help/administrator",
    "nothing",
)
OF_A_YEAR = (
    "statistics",
    "local-accuracy",
    "local-accuracy/thresholds",
    "drift",
    "second-model",
    "aggregates",
)
"""Pages that need the films and test results of a year: a clinic of its own has them."""
VALLEY = "valley@example.org"


@dataclass(frozen=True)
class Site:
    """Where the demonstration is served, and the pages that have a key in their address."""

    address: str
    keys: dict[str, str]

    def of(self, path: str) -> str:
        """Give the address of a page; a name in braces stands for its key."""
        return f"{self.address}/{path.format(**self.keys)}"


def main(folder: Path, wanted: frozenset[str]) -> None:
    """Fill, serve and photograph."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as data:
        os.environ["LUNGWISE_DATA_FOLDER"] = data
        os.environ["LUNGWISE_ADMINISTRATOR_SECOND_FACTOR"] = "false"  # the pages are photographed as an administrator
        settings = Settings()
        with serving(settings) as address:
            _each(folder, wanted, lambda camera: camera.take(f"{address}/welcome", "welcome"))
        demo.demo([], standalone_mode=False)
        keys = _prepare(settings)
        with serving(settings) as address:
            _each(folder, wanted, lambda camera: _walk(camera, Site(address, keys)))


def _prepare(settings: Settings) -> dict[str, str]:
    """Add what the demonstration lacks: people who wait or have a second factor, films that nobody could read."""
    database = Database(settings)
    with database.writing() as session:
        trail = AuditTrail(session, utc_now)
        accounts = Accounts(session, utc_now, settings, trail)
        first = accounts.everyone()[0].person
        accounts.register(Applicant("Dr. Waiting", "waiting@example.org", demo.PASSWORD), first.clinic_id)
        other = accounts.add(Applicant("Dr. Careful", WITH_FACTOR, demo.PASSWORD), demo.CLINIC, Role.RADIOLOGIST)
        other.tf_primary_method = "authenticator"
        Tokens(session, utc_now, trail).add(first, "Archive script", [Scope.UPLOAD, Scope.EXPORT], 90)
        patients = Patients(session, utc_now, trail)
        studies = StudiesInOneSession(session, utc_now, FilmStore(settings), patients, trail)
        keys = _add_studies(studies, patients, first)
        year = accounts.add(Applicant("Dr. Valley", VALLEY, demo.PASSWORD), "Valley", Role.ADMINISTRATOR)
        keys["invitation"] = accounts.invitations.add(first, "rita@example.org", Role.RADIOLOGIST)
    with database.session(writes=True) as session:
        synthetic.fill(session, year.person, 400, utc_now(), to_a_patient=1)
        synthetic.read(session, year.person, current_model())
        synthetic.enter_results(session, year.person, 0.7)
    database.close()
    return keys | {"reset": _reset_link(settings)}


def _add_studies(studies: StudiesInOneSession, patients: Patients, first: Person) -> dict[str, str]:
    """Add a study of many films, and those that wait for somebody: refused, stuck, contradicted, photographed, held."""

    def opened(identifier: str, *films: bytes, name: str = "") -> Study:
        return studies.open(first, PatientFacts(identifier=identifier, name=name), [("film", one) for one in films])

    several = opened("D-302", *(as_jpeg(synthetic_film(100 + n, n)) for n in range(7)), name="Chukwuemeka Oluwaseun")
    refused = opened("D-300", as_jpeg(synthetic_film(0, 0)), _blank(), name="Refused Film")
    stuck = opened("D-301", as_jpeg(synthetic_film(77, 0)))
    for job in stuck.films[0].jobs:
        job.state, job.attempts, job.error = JobState.FAILED, 5, "MemoryError: the machine ran out of memory"
    header: dict[str, Any] = {
        "PatientID": "D-101",
        "PatientName": "Herrera^Ana",
        "PatientBirthDate": "19800203",
        "PatientSex": "F",
    }
    opened("", dated_film("20260301", **header))
    photographed = opened("D-303", photograph(SCENES["an edge outside"])[0], name="Photographed Film")
    ordered, order = _ordered(studies, patients, first)
    held = Upload(data=as_jpeg(synthetic_film(200, 3)), kind="JPEG")
    studies.recording.held.hold(first, _stored(studies, held), held, several.films[0], Difference.PIXELS, "CR1")
    return {
        "several": several.key,
        "refused": refused.key,
        "ordered": ordered.key,
        "order": order.key,
        "other_order": opened("", dated_film("20260303", PatientID="D-306", AccessionNumber=order.accession)).key,
        "ordered_patient": patients.by_ids(first, [order.patient_id])[order.patient_id].key,
        "unclear": patients.decisions.unclear(first)[0].key,
        "photographed": photographed.films[0].key,
    }


def _ordered(studies: StudiesInOneSession, patients: Patients, first: Person) -> tuple[Study, Order]:
    """Add a study that answers an order, beside one that waits; return the study and its order."""
    orders = Orders(studies._session, utc_now, patients, studies._audit)
    facts = PatientFacts(identifier="D-305", name="Amina Yusuf", sex="F", birth_date=date(1985, 7, 12))
    procedure, doctor = Procedure(description="Chest X-ray, PA and lateral"), "Okafor^Ngozi"
    asked = OrderRequest(accession="RAD-2026-0417", procedure=procedure, referring_physician=doctor)
    order = orders.place(first, facts, asked, OrderWay.HL7).order
    waits = OrderRequest(reason="Cough for three weeks, fever, night sweats", urgency=OrderUrgency.URGENT)
    orders.place(first, facts, waits, OrderWay.PAGE)
    header: dict[str, Any] = {"PatientID": "D-305", "AccessionNumber": asked.accession, "StudyInstanceUID": "1.2.3.4.5"}
    return studies.open(first, facts, [("film", dated_film("20260302", **header))]), order


def _stored(studies: StudiesInOneSession, upload: Upload) -> str:
    key = new_key()
    FilmFiles(studies._store).put(key, [upload])
    return key


def _blank() -> bytes:
    out = io.BytesIO()
    Image.new("L", (400, 400), 90).save(out, "JPEG")
    return out.getvalue()


def _reset_link(settings: Settings) -> str:
    app = create_app(settings, SyntheticReader)
    with app.database.reading() as session, app.app_context():
        user = session.scalars(select(User).where(User.email == demo.EMAIL)).one()
        token = str(generate_reset_password_token(user))  # type: ignore[no-untyped-call]
    app.database.close()
    return token


class Camera:
    """One page on one screen, light or dark."""

    def __init__(self, page: Page, folder: Path, name: str, wanted: frozenset[str]) -> None:
        self.page, self._folder, self._name, self._wanted = page, folder, name, wanted

    def wants(self, what: str) -> bool:
        """Return whether this page is one of those that are taken."""
        return not self._wanted or what in self._wanted

    def take(self, address: str, what: str) -> None:
        """Go there and photograph it."""
        if self.wants(what):
            self.page.goto(address, wait_until="networkidle")
            self.shoot(what)

    def shoot(self, what: str) -> None:
        """Photograph what is there."""
        if self.wants(what):
            self.page.evaluate("document.fonts.ready.then(() => new Promise(requestAnimationFrame))")
            self.page.screenshot(path=self._folder / f"{what}-{self._name}.png", full_page=True)

    def sign_in(self, address: str, email: str) -> None:
        """Sign in with the demonstration's password."""
        self.page.context.clear_cookies()
        self.page.goto(f"{address}/sign-in")
        self.page.fill("[name=email]", email)
        self.page.fill("[name=password]", demo.PASSWORD)
        with self.page.expect_navigation(wait_until="networkidle"):
            self.page.click("main button")


def _each(folder: Path, wanted: frozenset[str], walk: Callable[[Camera], None]) -> None:
    """Walk on each screen, light and dark."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for screen, scheme in itertools.product(SCREENS, SCHEMES):
            phone = screen["width"] < 600
            context = browser.new_context(viewport=screen, color_scheme=scheme, is_mobile=phone, has_touch=phone)
            walk(Camera(context.new_page(), folder, f"{screen['width']}-{scheme}", wanted))
            context.close()
        browser.close()


def _walk(camera: Camera, site: Site) -> None:
    _doors(camera, site)
    camera.sign_in(site.address, demo.EMAIL)
    for path in PAGES:
        camera.take(site.of(path), path.replace("/", "-").replace(" ", "-"))
    _of_one_study(camera, site)
    _of_a_year(camera, site)
    camera.sign_in(site.address, demo.EMAIL)
    for name, path in {
        "study-several": "studies/{several}",
        "report-several": "studies/{several}/report",
        "study-refused": "studies/{refused}",
        "study-ordered": "studies/{ordered}",
        "study-other-order": "studies/{other_order}",
        "report-ordered": "studies/{ordered}/report",
        "patient-ordered": "patients/{ordered_patient}",
        "order": "orders/{order}",
        "order-new": "patients/{ordered_patient}/order",
        "whose": "patients/{unclear}/whose",
        "corners": "films/{photographed}/corners",
        "api": "api/v1/",
    }.items():
        camera.take(site.of(path), name)


def _of_a_year(camera: Camera, site: Site) -> None:
    """Photograph what a clinic's administrator watches."""
    if any(map(camera.wants, (path.replace("/", "-") for path in OF_A_YEAR))):
        camera.sign_in(site.address, VALLEY)
        for path in OF_A_YEAR:
            camera.take(site.of(path), path.replace("/", "-"))


def _of_one_study(camera: Camera, site: Site) -> None:
    """Photograph the pages of a study that looks like COVID-19, and of its patient."""
    page = camera.page
    page.goto(site.of("studies"))
    red = page.locator("tr:has(.level.red):has-text('D-10') a").first
    study = site.address + str(red.get_attribute("href"))
    page.goto(study, wait_until="networkidle")
    camera.shoot("study")
    film, patient, older = (
        site.address + str(page.locator(link).first.get_attribute("href"))
        for link in ("a.shot", ".patient a", ".answer ul.plain a")
    )
    if camera.wants("study-opened"):
        for closed in page.locator(".answer details").all():
            closed.locator("summary").click()
        camera.shoot("study-opened")
    camera.take(f"{study}/report", "report")
    _print(camera, f"{study}/report")
    camera.take(film, "viewer")
    page.goto(film, wait_until="networkidle")
    camera.take(site.address + str(page.locator("main ul.plain a").first.get_attribute("href")), "compare")
    camera.take(older, "study-older")
    _of_one_patient(camera, site, patient)


def _print(camera: Camera, address: str) -> None:
    """Write what a printer is sent, from a desktop."""
    if camera.wants("report-print"):
        camera.page.goto(address, wait_until="networkidle")
        camera.page.emulate_media(media="print")
        camera.shoot("report-print")
        camera.page.emulate_media(media="screen")


def _of_one_patient(camera: Camera, site: Site, patient: str) -> None:
    page = camera.page
    camera.take(patient, "patient")
    if camera.wants("patient-opened"):
        for closed in page.locator("main details").all():
            closed.locator("summary").click()
        page.click("details.danger button")  # unsure: nothing is deleted
        camera.shoot("patient-opened")
    if camera.wants("patient-merge"):
        page.goto(patient)
        page.locator("summary", has_text="Merge").click()
        page.fill("[name=identifier]", "D-302")
        page.click("form[action$='/merge'] [type=submit]")
        page.wait_for_load_state("networkidle")
        camera.shoot("patient-merge")
    camera.take(f"{patient}/change", "patient-change")


def _doors(camera: Camera, site: Site) -> None:
    """Photograph what one sees before one has signed in."""
    for path in ("register", "sign-in", "password/forgotten"):
        camera.take(site.of(path), path.replace("/", "-"))
    camera.take(site.of("invitation/{invitation}"), "invitation")
    camera.take(site.of("password/forgotten/{reset}"), "password-reset")
    camera.sign_in(site.address, WITH_FACTOR)
    camera.shoot("second-factor-code")
    camera.take(site.of("second-factor/recovery"), "second-factor-recovery")


if __name__ == "__main__":
    main(Path(sys.argv[1]), frozenset(sys.argv[2:]))
