"""The settings of accounts: who may open one, and how people sign in."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field
from pydantic_settings import BaseSettings


class Registration(StrEnum):
    """Who may open an account."""

    OPEN = "open"
    INVITATION = "invitation"
    APPROVED = "approved"


class AccountSettings(BaseSettings, use_attribute_docstrings=True):
    """Who gets in, and for how long."""

    registration: Registration = Registration.APPROVED
    """Who may open an account: anyone (open), the invited (invitation), or after approval (approved)."""
    second_factor: bool = False
    """Everyone must set up a second factor."""
    administrator_second_factor: bool = True
    """Administrators must set up a second factor; they are led to it after their first sign-in."""
    password_length: int = Field(default=12, ge=12, le=64)
    """Least length of a password."""
    argon2_time: int = Field(default=2, ge=1, le=100)
    """Passes of argon2id over its memory."""
    argon2_memory: int = Field(default=32768, ge=8, le=4_194_304)
    """Memory of argon2id in KiB."""
    session_idle_minutes: int = Field(default=60, ge=1, le=525_600)
    """Minutes without a request that sign a person out."""
    session_hours: int = Field(default=12, ge=1, le=8760)
    """Hours after which everyone signs in again."""
    sign_in_failures: int = Field(default=5, ge=1, le=8)
    """Failed sign-ins of one account before it is locked for a while."""
    address_failures: int = Field(default=30, ge=1, le=1_000_000)
    """Failed sign-ins from one network address before it is locked for a while."""
    lock_minutes: int = Field(default=15, ge=15, le=43_200)
    """Minutes that a lock lasts."""
