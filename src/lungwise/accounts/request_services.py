"""What the pages of accounts use in a request."""

from __future__ import annotations

from typing import Protocol, cast

from flask_security import current_user

from lungwise.accounts.models import User
from lungwise.accounts.oidc.provider import Provider
from lungwise.accounts.oidc.service import ProvidedAccounts
from lungwise.accounts.outbox import Outbox
from lungwise.accounts.service import Accounts
from lungwise.accounts.sessions import Sessions
from lungwise.accounts.throttle import Throttle
from lungwise.accounts.tokens import Tokens
from lungwise.audit.service import AuditTrail
from lungwise.clinics.service import Clinics, ClinicSettings
from lungwise.settings import Settings
from lungwise.store import Clock
from lungwise.webkit.request_services import RequestServices


class AccountServices(Protocol):
    """The services of accounts, over one session."""

    settings: Settings
    clinics: Clinics
    throttle: Throttle
    tokens: Tokens
    sessions: Sessions
    outbox: Outbox
    audit: AuditTrail
    clock: Clock

    @property
    def provider(self) -> Provider | None:
        """The identity provider, where the settings name one."""

    @property
    def provided_accounts(self) -> ProvidedAccounts:
        """The accounts of those whom it knows."""

    @property
    def waiting_accounts(self) -> int:
        """How many people wait for an account in an administrator's clinic."""

    @property
    def clinic_settings(self) -> ClinicSettings:
        """How the clinic is set for which the request is made."""

    @property
    def accounts(self) -> Accounts:
        """The accounts."""


services = RequestServices[AccountServices]("accounts")


def user() -> User:
    """Return the account that is signed in."""
    return cast(User, current_user)
