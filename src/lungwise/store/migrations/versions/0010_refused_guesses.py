"""Guesses that a lock refuses are counted and told to the audit trail; an e-mail address has one spelling."""

from __future__ import annotations

import unicodedata
from typing import Any

import sqlalchemy as sa
from alembic import op
from email_validator import validate_email

from lungwise.store.database import Moment
from lungwise.store.migrations.tables import columns_of, indexes_of

revision = "0010"
down_revision = "0009"

_NEW: tuple[tuple[str, sa.Column[Any]], ...] = (
    ("failures", sa.Column("user_id", sa.Integer(), nullable=True)),
    ("failures", sa.Column("untold", sa.Integer(), server_default="0", nullable=False)),
    ("failures", sa.Column("told_at", Moment(), nullable=True)),
    ("audit_entries", sa.Column("times", sa.Integer(), nullable=True)),
)
_USERS = sa.table("users", *map(sa.column, ("id", "email")))


def upgrade() -> None:
    """Apply the step, or what a step that was interrupted left."""
    there = sa.inspect(op.get_bind())
    for table, column in _NEW:
        if column.name not in columns_of(there, table):
            op.add_column(table, column)
    if "ix_failures_until" not in indexes_of(there, "failures"):
        op.create_index("ix_failures_until", "failures", ["until"])
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
