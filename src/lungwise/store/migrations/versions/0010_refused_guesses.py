"""Guesses that a lock refuses are counted and told to the audit trail; an e-mail address has one spelling."""

from __future__ import annotations

import unicodedata

import sqlalchemy as sa
from alembic import op
from email_validator import validate_email

from lungwise.store.database import Moment

revision = "0010"
down_revision = "0009"

_USERS = sa.table("users", *map(sa.column, ("id", "email")))


def upgrade() -> None:
    """Apply the step."""
    with op.batch_alter_table("failures") as table:
        table.add_column(sa.Column("user_id", sa.Integer(), nullable=True))
        table.add_column(sa.Column("untold", sa.Integer(), server_default="0", nullable=False))
        table.add_column(sa.Column("told_at", Moment(), nullable=True))
        table.create_index("ix_failures_until", ["until"])
    op.add_column("audit_entries", sa.Column("times", sa.Integer(), nullable=True))
    _respell()


def _respell() -> None:
    """Write the addresses as they are looked up; one that another account has already stays as it is."""
    connection = op.get_bind()
    known = {user.email: user.id for user in connection.execute(sa.select(_USERS))}
    for email, number in list(known.items()):
        try:
            address = validate_email(email.strip(), check_deliverability=False).normalized
        except ValueError:
            continue
        address = unicodedata.normalize("NFC", address.lower())
        if address not in known:
            known[address] = number
            connection.execute(sa.update(_USERS).where(_USERS.c.id == number).values(email=address))
