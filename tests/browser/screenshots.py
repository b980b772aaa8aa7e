"""Photograph every page at 1280 and 390 pixels: `python tests/browser/screenshots.py FOLDER`.

The installation photographed is a demonstration one, made for it and thrown away.
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
from pathlib import Path

from flask_security.recoverable import generate_reset_password_token
from PIL import Image
from playwright.sync_api import Page, sync_playwright
from sqlalchemy import select

sys.path.insert(0, str(Path(__file__).parents[1]))

from lungwise.access import Role
from lungwise.accounts.models import User
from lungwise.accounts.service import Accounts, Applicant
from lungwise.accounts.tokens import Scope, Tokens
from lungwise.audit.service import AuditTrail
from lungwise.cli import demo
from lungwise.cli.synthetic_film import as_jpeg, synthetic_film
from lungwise.patients.service import PatientFacts, Patients
from lungwise.settings import Settings
from lungwise.store import Database, FilmStore, utc_now
from lungwise.studies.models import JobState
from lungwise.web_app import create_app
from one_session import StudiesInOneSession
from processes import serving
from synthetic_reader import SyntheticReader

WIDTHS = (1280, 390)
WITH_FACTOR = "factor@example.org"
PAGES = (
    "studies",
    "studies/new",
    "patients",
    "statistics",
    "drift",
    "accounts",
    "accounts/tokens",
    "audit",
    "queue",
    "profile",
    "profile/tokens",
    "password",
    "second-factor",
    "second-factor/recovery-codes",
    "verify",
    "nothing",
)


@dataclass(frozen=True)
class Site:
    """Where the demonstration is served, and the pages that have a key in their address."""

    address: str
    invitation: str
    refused: str
    reset: str


def main(folder: Path) -> None:
    """Fill, serve and photograph."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as data:
        os.environ["LUNGWISE_DATA_FOLDER"] = data
        os.environ["LUNGWISE_ADMINISTRATOR_SECOND_FACTOR"] = "false"  # the pages are photographed as an administrator
        settings = Settings()
        with serving(settings) as address:
            _each(folder, lambda camera: camera.take(f"{address}/welcome", "welcome"))
        demo.demo([], standalone_mode=False)
        invitation, refused = _prepare(settings)
        with serving(settings) as address:
            site = Site(address, invitation, refused, _reset_link(settings))
            _each(folder, lambda camera: _walk(camera, site))


def _prepare(settings: Settings) -> tuple[str, str]:
    """Add what the demonstration lacks: people who wait or have a second factor, films that cannot be read."""
    database = Database(settings)
    with database.writing() as session:
        trail = AuditTrail(session, utc_now)
        accounts = Accounts(session, utc_now, settings, trail)
        first = accounts.everyone()[0]
        accounts.register(Applicant("Dr. Waiting", "waiting@example.org", demo.PASSWORD), first.clinic_id)
        other = accounts.add(Applicant("Dr. Careful", WITH_FACTOR, demo.PASSWORD), demo.CLINIC, Role.RADIOLOGIST)
        other.tf_primary_method = "authenticator"
        Tokens(session, utc_now, trail).add(first.person, "Archive script", [Scope.UPLOAD, Scope.EXPORT], 90)
        patients = Patients(session, utc_now, trail)
        studies = StudiesInOneSession(session, utc_now, FilmStore(settings), patients, trail)
        drawn = [(f"{n}.jpg", as_jpeg(synthetic_film(n, 4 * n))) for n in range(2)]
        study = studies.open(
            first.person, PatientFacts(identifier="D-300", name="Refused Film"), [*drawn, ("blank.jpg", _blank())]
        )
        stuck = studies.open(
            first.person, PatientFacts(identifier="D-301"), [("stuck.jpg", as_jpeg(synthetic_film(77, 0)))]
        )
        for job in stuck.films[0].jobs:
            job.state, job.attempts, job.error = JobState.FAILED, 5, "MemoryError: the machine ran out of memory"
        invitation = accounts.invitations.add(first.person, "rita@example.org", Role.RADIOLOGIST)
        refused = study.key
    database.close()
    return invitation, refused


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
    """One page of one width, light or dark."""

    def __init__(self, page: Page, folder: Path, name: str) -> None:
        self.page = page
        self._folder = folder
        self._name = name

    def take(self, address: str, what: str) -> None:
        """Go there and photograph it."""
        self.page.goto(address, wait_until="networkidle")
        self.shoot(what)

    def shoot(self, what: str) -> None:
        """Photograph what is there."""
        self.page.screenshot(path=self._folder / f"{what}-{self._name}.png", full_page=True)

    def sign_in(self, address: str, email: str) -> None:
        """Sign in with the demonstration's password."""
        self.page.context.clear_cookies()
        self.page.goto(f"{address}/sign-in")
        self.page.fill("[name=email]", email)
        self.page.fill("[name=password]", demo.PASSWORD)
        self.page.click("main button")


def _each(folder: Path, walk: Callable[[Camera], None]) -> None:
    """Walk with each width, light and dark."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for width, scheme in itertools.product(WIDTHS, ("light", "dark")):
            phone = width < 600
            context = browser.new_context(
                viewport={"width": width, "height": 900},
                color_scheme="light" if scheme == "light" else "dark",
                is_mobile=phone,
                has_touch=phone,
            )
            walk(Camera(context.new_page(), folder, f"{width}-{scheme}"))
            context.close()
        browser.close()


def _walk(camera: Camera, site: Site) -> None:
    _doors(camera, site)
    camera.sign_in(site.address, demo.EMAIL)
    for path in PAGES:
        camera.take(f"{site.address}/{path}", path.replace("/", "-"))
    page = camera.page
    page.goto(f"{site.address}/studies")
    study = site.address + str(
        page.locator("tr:has(.positive):not(:has-text('Refused')) a").first.get_attribute("href")
    )
    camera.take(study, "study")
    film = site.address + str(page.locator("a.shot").first.get_attribute("href"))
    patient = site.address + str(page.locator(".patient a").first.get_attribute("href"))
    camera.take(f"{study}/report", "report")
    camera.take(film, "viewer")
    camera.take(site.address + str(page.locator("ul.plain a").first.get_attribute("href")), "compare")
    camera.take(patient, "patient")
    page.click("summary >> nth=0")
    camera.shoot("patient-merge")
    page.click("details.danger summary")
    page.click("details.danger button")  # unsure: nothing is deleted
    camera.shoot("patient-delete")
    camera.take(f"{patient}/change", "patient-change")
    camera.take(f"{site.address}/studies/{site.refused}", "study-refused")
    camera.take(f"{site.address}/api/v1/", "api")


def _doors(camera: Camera, site: Site) -> None:
    """Photograph what one sees before one has signed in."""
    for path in ("register", "sign-in", "password/forgotten"):
        camera.take(f"{site.address}/{path}", path.replace("/", "-"))
    camera.take(f"{site.address}/invitation/{site.invitation}", "invitation")
    camera.take(f"{site.address}/password/forgotten/{site.reset}", "password-reset")
    camera.sign_in(site.address, WITH_FACTOR)
    camera.shoot("second-factor-code")
    camera.take(f"{site.address}/second-factor/recovery", "second-factor-recovery")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
