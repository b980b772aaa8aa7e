"""A server as a process of its own, with accounts and tokens to talk to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from lungwise.access import Person, Role
from lungwise.accounts.service import Accounts, Applicant
from lungwise.accounts.tokens import Scope, Tokens
from lungwise.audit.service import AuditTrail
from lungwise.settings import Settings
from lungwise.store import Database, check_keys, utc_now
from lungwise.store.migrations import upgrade
from processes import PASSWORD, serving


def add_account(
    database: Database, settings: Settings, clock: Callable[[], datetime], name: str, clinic: str, role: Role
) -> Person:
    """Open an account and give its person."""
    with database.writing() as session:
        accounts = Accounts(session, clock, settings, AuditTrail(session, clock))
        return accounts.add(Applicant(name, f"{name}@example.org".lower(), PASSWORD), clinic, role).person


@dataclass
class Site:
    """The pages, served by a process of their own, and the database behind them."""

    address: str
    settings: Settings
    database: Database

    def enrol(self, name: str, clinic: str = "Hill", role: Role = Role.DOCTOR) -> Person:
        """Open an account."""
        return add_account(self.database, self.settings, utc_now, name, clinic, role)


@contextmanager
def serving_site(settings: Settings) -> Iterator[Site]:
    """Serve an installation until the block ends."""
    database = Database(settings)
    with serving(settings) as address:
        yield Site(address, settings, database)
    database.close()


@dataclass(frozen=True)
class LiveServer:
    """Where a server listens, and a token that may do all that a token may."""

    address: str
    token: str


@contextmanager
def live_server(data_folder: Path, **changes: object) -> Iterator[LiveServer]:
    """Serve an installation with one account until the block ends."""
    settings = Settings(data_folder=data_folder, argon2_time=1, argon2_memory=64).model_copy(update=changes)
    token = install(settings)
    with serving(settings) as address:
        yield LiveServer(address, token)


def install(settings: Settings) -> str:
    """Make an installation's schema, an account, and a token that may do all that a token may; give the token."""
    settings.data_folder.mkdir(parents=True, exist_ok=True)
    database = Database(settings)
    upgrade(database.engine)
    check_keys(database)
    with database.writing() as session:
        audit = AuditTrail(session, utc_now)
        accounts = Accounts(session, utc_now, settings, audit)
        ada = accounts.add(Applicant("Ada", "ada@example.org", PASSWORD), "Hill", Role.ADMINISTRATOR).person
        _, text = Tokens(session, utc_now, audit).add(ada, "tests", list(Scope), 1)
    database.close()
    return text
