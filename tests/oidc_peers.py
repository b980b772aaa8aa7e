"""An identity provider: npm's oidc-provider as a process of its own, and a browser without scripts that signs in."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urljoin

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import joinedload

from forked import start
from live_server import add_account
from lungwise.access import Role
from lungwise.accounts.models import User
from lungwise.accounts.oidc.provider import CALLBACK
from lungwise.accounts.service import Accounts
from lungwise.audit.models import AuditEntry
from lungwise.audit.service import AuditTrail
from lungwise.settings import Settings
from lungwise.store import Database, check_keys, utc_now
from lungwise.store.migrations import upgrade
from processes import SYNTHETIC, running
from servers import free_port

PACKAGE = Path(__file__).parents[1] / ".cache" / "oidc" / "node_modules" / "oidc-provider"
"""Where `bin/setup check` puts it."""
SCRIPT = Path(__file__).with_name("oidc_provider.mjs")
CLIENT, SECRET = "lungwise", "a secret of the tests, and of nothing else"


PEOPLE: dict[str, dict[str, Any]] = {
    "rosa": {"name": "Rosa Diaz", "email": "rosa@example.org", "groups": ["staff", "chest"]},
    "max": {"name": "Max", "email": "max@example.org", "groups": ["chest"]},
    "lea": {"name": "Lea", "email": "lea@example.org", "groups": ["chest"]},
    "dan": {"name": "Dan", "email": "dan@example.org", "groups": ["chest"]},
    "boss": {"name": "The Boss", "email": "boss@example.org", "groups": ["admins"], "amr": ["mfa"]},
    "guest": {"name": "A Guest", "email": "guest@example.org", "groups": ["staff"]},
    "ada": {"name": "Ada at the hospital", "email": "ada@example.org", "groups": ["chest"]},
    "far": {"name": "Far", "email": "far@example.org", "groups": ["chest"], "clinic": "Elsewhere"},
    "mute": {"name": "Mute", "email": "mute@example.org", "email_verified": False, "groups": ["chest"]},
}
"""Whom the provider of the tests knows; their clinic is Hill where nothing else is said."""


@dataclass
class NodeProvider:
    """A provider that runs, and what it says of people."""

    issuer: str
    people: dict[str, dict[str, Any]]
    folder: Path
    site: str

    def write(self) -> Path:
        """Write down what it says of people; it reads that at each sign-in."""
        client = {
            "client_id": CLIENT,
            "client_secret": SECRET,
            "redirect_uris": [self.site + CALLBACK],
            "post_logout_redirect_uris": [self.site + "/sign-in"],
            "backchannel_logout_uri": self.site + "/sign-in/oidc/logout",
            "backchannel_logout_session_required": True,
            "require_auth_time": True,
        }
        file = self.folder / "provider.json"
        file.write_text(json.dumps({"issuer": self.issuer, "client": client, "people": self.people}))
        return file

    def secret_file(self) -> Path:
        """Give the file with the client's secret."""
        file = self.folder / "secret"
        file.write_text(SECRET + "\n")
        return file


def need_node() -> str:
    """Give node; without it or the package the test is skipped, on a continuous integration server it fails."""
    node = shutil.which("node")
    if node and PACKAGE.is_dir():
        return node
    reason = "npm's oidc-provider is missing: install nodejs and npm, and run bin/setup check"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def node_provider(site: str, people: dict[str, dict[str, Any]]) -> Iterator[NodeProvider]:
    """Run a provider that knows these people, for pages at an address, until the block ends."""
    node, folder = need_node(), Path(tempfile.mkdtemp(prefix="lungwise-oidc-"))
    provider = NodeProvider(f"http://127.0.0.1:{free_port()}", people, folder, site)
    process = start([node, "--no-warnings", str(SCRIPT), str(PACKAGE), str(provider.write())], dict(os.environ))
    try:
        assert process.stdout is not None
        assert any("the provider listens" in line for line in process.stdout), "it has ended"
        yield provider
    finally:
        process.kill()
        process.communicate()
        shutil.rmtree(folder)


@dataclass
class Page:
    """What a browser came to."""

    url: str
    status: int
    text: str


class PlainBrowser:
    """A browser that runs no script, and follows redirects from one site to another with each site's cookies."""

    def __init__(self) -> None:
        self.jar = CookieJar()
        processor = urllib.request.HTTPCookieProcessor(self.jar)
        self._follow = urllib.request.build_opener(processor)
        self._stay = urllib.request.build_opener(processor, _Stay)

    def open(self, url: str, fields: dict[str, str] | None = None, *, follow: bool = True) -> Page:
        """Open an address, or send a form to it."""
        body = urlencode(fields).encode() if fields is not None else None
        opener = self._follow if follow else self._stay
        try:
            with opener.open(urllib.request.Request(url, body), timeout=60) as answer:
                return Page(answer.headers.get("Location") or answer.url, answer.status, answer.read().decode())
        except urllib.error.HTTPError as error:
            with error:
                return Page(error.headers.get("Location") or error.url, error.code, error.read().decode())

    def sign_in_there(self, page: Page, name: str, *, follow: bool = True) -> Page:
        """Fill in the provider's own page, and come to where it leads."""
        action = unescape(re.findall(r'<form[^>]*action="([^"]+)"', page.text)[0])
        fields = {"prompt": "login", "login": name, "password": "any"}
        return self.open(urljoin(page.url, action), fields, follow=follow)

    def forget_there(self) -> None:
        """Forget who is signed in at the provider; both sites lie on this machine, so cookies tell by their names."""
        for cookie in [one for one in self.jar if one.name != "lungwise"]:
            self.jar.clear(cookie.domain, cookie.path, cookie.name)

    def post_there(self, page: Page, **fields: str) -> Page:
        """Send the first form of a page of the provider's, with what stands in it."""
        action = unescape(re.findall(r'<form[^>]*action="([^"]+)"', page.text)[0])
        hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text))
        return self.open(urljoin(page.url, action), {**hidden, **fields})

    def post(self, page: Page, action: str, **fields: str) -> Page:
        """Send a form of a page of ours, with the page's token."""
        token = re.findall(r'name="csrf_token"[^>]*value="([^"]+)"', page.text)[0]
        return self.open(urljoin(page.url, action), {"csrf_token": token, **fields})


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object, **__: object) -> None:
        """Follow nothing."""


@dataclass
class House:
    """Pages, served by a process of their own, that take the word of a provider."""

    address: str
    provider: NodeProvider
    settings: Settings
    database: Database

    def enrol(self, name: str, role: Role) -> None:
        """Open an account with a password."""
        add_account(self.database, self.settings, utc_now, name, "Hill", role)

    def clinic(self, name: str) -> None:
        """Make a clinic, as whoever sets an installation up does."""
        with self.database.writing() as session:
            Accounts(session, utc_now, self.settings, AuditTrail(session, utc_now)).clinic(name)

    def change(self, name: str, **said: Any) -> None:
        """Let the provider say something else of somebody from now on."""
        self.provider.people[name] |= said
        self.provider.write()

    def sign_in(self, name: str, browser: PlainBrowser | None = None, path: str = "/sign-in/oidc") -> Page:
        """Sign in at the provider, and come to where that leads."""
        browser = browser or PlainBrowser()
        return browser.sign_in_there(browser.open(self.address + path), name)

    def answer(self, name: str, browser: PlainBrowser) -> str:
        """Sign in at the provider, and give its answer's address, which the browser has not opened yet."""
        page = browser.sign_in_there(browser.open(self.address + "/sign-in/oidc"), name, follow=False)
        while not page.url.startswith(self.address):
            page = browser.open(page.url, follow=False)
        return page.url

    def user(self, email: str) -> User:
        """Give an account, with its identities."""
        with self.database.reading() as session:
            return (
                session.scalars(select(User).where(User.email == email).options(joinedload(User.identities)))
                .unique()
                .one()
            )

    def disable(self, email: str) -> None:
        """Disable an account."""
        with self.database.writing() as session:
            session.execute(update(User).where(User.email == email).values(active=False))

    def actions(self, email: str = "") -> list[str]:
        """Give what the trail says of an account; of nobody's where no address is given."""
        key = self.user(email).key if email else ""
        with self.database.reading() as session:
            query = select(AuditEntry.action).where(AuditEntry.subject_key == key).order_by(AuditEntry.id)
            return list(session.scalars(query))


@contextmanager
def oidc_house(folder: Path) -> Iterator[House]:
    """Run a provider, and pages that take its word, until the block ends."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    people = {name: {"clinic": "Hill", **said} for name, said in PEOPLE.items()}
    with node_provider(address, people) as provider:
        settings = Settings(
            data_folder=folder,
            argon2_time=1,
            argon2_memory=64,
            port=port,
            public_url=address,
            oidc_issuer=provider.issuer,
            oidc_client_id=CLIENT,
            oidc_client_secret_file=provider.secret_file(),
            oidc_label="Hill Hospital",
            oidc_roles="admins=administrator, chest=radiologist, chest-doctors=doctor",
            oidc_clinic_claim="clinic",
            oidc_second_factor="mfa",
        )
        database = Database(settings)
        upgrade(database.engine)
        check_keys(database)
        with running([*SYNTHETIC, "serve"], settings, ready="Lungwise listens"):
            yield House(address, provider, settings, database)
        database.close()
