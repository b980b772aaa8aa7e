"""Photograph every page on a desktop and a phone: `python tests/browser/screenshots.py FOLDER [NAME ...]`.

The installation photographed is a demonstration one, made for it and thrown away. Names restrict what is taken.
"""

from __future__ import annotations

import itertools
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Literal

from playwright.sync_api import FilePayload, Page, ViewportSize, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))

from lungwise.access import PEOPLE as ROLES
from lungwise.cli import demo
from lungwise.cli.synthetic_film import as_jpeg, synthetic_film
from lungwise.settings import Settings
from oidc_peers import CLIENT, PACKAGE, PEOPLE, node_provider
from photographed_clinic import ARCHIVES, SECOND, VALLEY, WITH_FACTOR, WORKER, prepare
from processes import SYNTHETIC, running, serving
from servers import free_port

SCREENS = (ViewportSize(width=1366, height=768), ViewportSize(width=390, height=844))
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
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
    "audit",
    "queue",
    "orders",
    "hl7",
    "profile",
    "profile/tokens",
    "password",
    "second-factor",
    "second-factor/recovery-codes",
    "verify",
    *(f"help/{role}" for role in ROLES),
)
MISSING = "nothing"
"""A page that there is not, to photograph what says so."""
OF_A_YEAR = (
    "statistics",
    "local-accuracy",
    "local-accuracy/thresholds",
    "drift",
    "second-model",
    "aggregates",
)
"""Pages that need the films and test results of a year: a clinic of its own has them."""
OF_ONE = {
    "study-several": "studies/{several}",
    "report-several": "studies/{several}/report",
    "study-refused": "studies/{refused}",
    "study-refused-alone": "studies/{alone}",
    "study-stuck": "studies/{stuck}",
    "study-waiting": "studies/{waiting}",
    "study-child": "studies/{child}",
    "study-unclear": "studies/{of_unclear}",
    "study-photographed": "studies/{photographed_study}",
    "study-ordered": "studies/{ordered}",
    "study-other-order": "studies/{other_order}",
    "report-ordered": "studies/{ordered}/report",
    "study-earlier-films": "studies/{with_priors}",
    "earlier-film": "studies/{with_priors}/earlier/{prior}",
    "whose": "patients/{unclear}/whose",
    "corners": "films/{photographed}/corners",
    "orders-new": "patients/{ordering}/order",
    "order": "orders/{order}",
    "patient-ordered": "patients/{ordering}",
    "hl7-message": "hl7/{message}",
    "api": "api/v1/",
}
"""Pages that are of one thing, which has a key."""
BAD_TABLE = b"patient;test;result;date;reason\nD-100;PCR;positive;2026-03-01;symptoms\nD-999;PCR;perhaps;soon;lottery\n"


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
        os.environ["LUNGWISE_SEND_TO"] = ", ".join(ARCHIVES)
        settings = Settings()
        with serving(settings) as address:
            _each(folder, wanted, lambda camera: camera.take(f"{address}/welcome", "welcome"))
        demo.demo([], standalone_mode=False)
        keys = prepare(settings)
        with serving(settings) as address:
            _each(folder, wanted, lambda camera: _walk(camera, Site(address, keys)))
        _at_the_provider(folder, wanted, settings)


def _at_the_provider(folder: Path, wanted: frozenset[str], settings: Settings) -> None:
    """Photograph the pages of signing in with a hospital's account, where npm's oidc-provider is there."""
    if not PACKAGE.is_dir():
        return
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    with node_provider(address, {name: {"clinic": demo.CLINIC, **said} for name, said in PEOPLE.items()}) as provider:
        taking = settings.model_copy(
            update={
                "port": port,
                "public_url": address,
                "oidc_issuer": provider.issuer,
                "oidc_client_id": CLIENT,
                "oidc_client_secret_file": provider.secret_file(),
                "oidc_label": "Hill Hospital",
                "oidc_roles": "chest=radiologist",
                "oidc_clinic_claim": "clinic",
            }
        )
        with running([*SYNTHETIC, "serve"], taking, ready="Lungwise listens"):
            _each(folder, wanted, lambda camera: _with_the_hospitals_account(camera, address))


class Camera:
    """One page on one screen, light or dark."""

    def __init__(self, page: Page, folder: Path, name: str, wanted: frozenset[str]) -> None:
        self.page, self._folder, self._name, self._wanted = page, folder, name, wanted

    def wants(self, what: str) -> bool:
        """Return whether this page is one of those that are taken."""
        return not self._wanted or what in self._wanted

    def take(self, address: str, what: str) -> None:
        """Go there and photograph it; what is not there is a fault of the list of pages."""
        if self.wants(what):
            answer = self.page.goto(address, wait_until="networkidle")
            if answer and answer.status >= HTTPStatus.BAD_REQUEST and what != MISSING:
                raise ValueError(f"{address} answers {answer.status}")
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
        camera.take(site.of(path), path.replace("/", "-"))
    camera.take(site.of(MISSING), MISSING)
    _of_one_study(camera, site)
    for name, path in OF_ONE.items():
        camera.take(site.of(path), name)
    _typed(camera, site)
    _of_a_year(camera, site)
    _as_a_worker(camera, site)


def _typed(camera: Camera, site: Site) -> None:
    """Photograph what follows what somebody typed or chose."""
    page = camera.page
    if camera.wants("studies-none"):
        page.goto(site.of("studies"))
        page.fill("[name=text]", "nobody")
        page.wait_for_url("**/studies?*")
        camera.shoot("studies-none")
    if camera.wants("patients-found"):
        page.goto(site.of("patients"))
        page.fill("[name=text]", "a")
        page.click("main form [type=submit], main form button")
        page.wait_for_load_state("networkidle")
        camera.shoot("patients-found")
    if camera.wants("studies-new-chosen"):
        page.goto(site.of("studies/new"), wait_until="networkidle")
        page.set_input_files("#films", [_file(f"IMG_20260{n}.jpg", as_jpeg(synthetic_film(n, n))) for n in range(3)])
        page.fill("[name=name]", "Amara")
        page.wait_for_selector("#suggested:not([hidden])")
        camera.shoot("studies-new-chosen")
    if camera.wants("results-rows"):
        page.goto(site.of("results"))
        page.set_input_files("[name=table]", [_file("results.csv", BAD_TABLE, "text/csv")])
        page.click("main form [type=submit]")
        page.wait_for_load_state("networkidle")
        camera.shoot("results-rows")
    if camera.wants("second-factor-setup"):
        page.goto(site.of("second-factor"))
        page.click("text=Set up an authenticator app")
        page.wait_for_selector("img.qr")
        camera.shoot("second-factor-setup")
    if camera.wants("order-wrong"):
        page.goto(site.of("patients/{ordering}/order"))
        page.locator("summary", has_text="Procedure").click()
        page.fill("[name=accession]", "a\\b")
        page.click("main form [type=submit]")
        page.wait_for_load_state("networkidle")
        camera.shoot("order-wrong")


def _file(name: str, data: bytes, kind: str = "image/jpeg") -> FilePayload:
    return {"name": name, "mimeType": kind, "buffer": data}


def _of_a_year(camera: Camera, site: Site) -> None:
    """Photograph what a clinic's administrator watches."""
    proposed = "local-accuracy-thresholds-proposed"
    if any(map(camera.wants, (*(path.replace("/", "-") for path in OF_A_YEAR), proposed))):
        camera.sign_in(site.address, VALLEY)
        for path in OF_A_YEAR:
            camera.take(site.of(path), path.replace("/", "-"))
        if camera.wants(proposed):
            _propose(camera, site)
            camera.take(site.of("local-accuracy/thresholds"), proposed)


def _propose(camera: Camera, site: Site) -> None:
    """Have the other administrator propose thresholds, once."""
    camera.sign_in(site.address, SECOND)
    camera.page.goto(site.of("local-accuracy/thresholds"))
    button = camera.page.get_by_role("button", name="Propose these thresholds")
    if button.count():
        button.click()
        camera.page.wait_for_load_state("networkidle")
    camera.sign_in(site.address, VALLEY)


def _as_a_worker(camera: Camera, site: Site) -> None:
    """Photograph what somebody sees who only uploads."""
    if any(map(camera.wants, ("studies-worker", "study-worker", "studies-new-worker"))):
        camera.sign_in(site.address, WORKER)
        camera.take(site.of("studies"), "studies-worker")
        camera.take(site.of("studies/new"), "studies-new-worker")
        camera.page.goto(site.of("studies"))
        own = camera.page.locator("table.list tbody a").first.get_attribute("href")
        camera.take(f"{site.address}{own}", "study-worker")


def _with_the_hospitals_account(camera: Camera, address: str) -> None:
    """Photograph the pages of whoever signs in at the identity provider, and links an account with it."""
    page = camera.page
    camera.take(f"{address}/sign-in", "oidc-sign-in")
    camera.sign_in(address, demo.EMAIL)
    camera.take(f"{address}/profile", "oidc-profile")
    if camera.wants("oidc-link"):
        page.goto(f"{address}/profile/oidc")
        _sign_in_there(page, "max")
        camera.shoot("oidc-link")
    if any(map(camera.wants, ("oidc-verify", "oidc-signed-out"))):
        page.context.clear_cookies()
        page.goto(f"{address}/sign-in/oidc")
        _sign_in_there(page, "rosa")
        camera.take(f"{address}/verify?next=/profile/tokens", "oidc-verify")
        page.evaluate("document.querySelector('header form[data-ends]').submit()")
        page.wait_for_url("**/signed-out")
        camera.shoot("oidc-signed-out")


def _sign_in_there(page: Page, name: str) -> None:
    page.fill("[name=login]", name)
    page.fill("[name=password]", "any")
    page.click("button[type=submit]")
    page.wait_for_load_state("networkidle")


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
        page.goto(patient)
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
    if camera.wants("register-wrong"):
        page = camera.page
        page.goto(site.of("register"))
        page.fill("[name=email]", "nobody")
        page.evaluate("document.querySelector('main form').noValidate = true")
        page.click("main form [type=submit]")
        page.wait_for_load_state("networkidle")
        camera.shoot("register-wrong")
    camera.sign_in(site.address, WITH_FACTOR)
    camera.shoot("second-factor-code")
    camera.take(site.of("second-factor/recovery"), "second-factor-recovery")


if __name__ == "__main__":
    main(Path(sys.argv[1]), frozenset(sys.argv[2:]))
