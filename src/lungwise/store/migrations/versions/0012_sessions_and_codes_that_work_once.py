"""Sessions have rows, codes are good once, and of recovery codes only hashes are kept."""

from __future__ import annotations

import base64
import secrets

import sqlalchemy as sa
from alembic import op
from argon2.low_level import Type, hash_secret_raw

from lungwise.store.database import Moment
from lungwise.store.migrations.tables import columns_of, create_table

revision = "0012"
down_revision = "0011"

_USERS = sa.table("users", *map(sa.column, ("id", "mf_recovery_codes")))
_TIME, _MEMORY = 2, 32768
"""Argon2id's passes and KiB, as the settings have them by default; a hash says with what it was made."""


def upgrade() -> None:
    """Apply the step, or what a step that was interrupted left. Everyone signs in again: old cookies have no row."""
    there = sa.inspect(op.get_bind())
    if "tf_counter" not in columns_of(there, "users"):
        op.add_column("users", sa.Column("tf_counter", sa.Integer(), nullable=True))
    if not there.has_table("sign_ins"):
        _make_sign_ins()
    _hash_recovery_codes(op.get_bind())


def _make_sign_ins() -> None:
    create_table(
        "sign_ins",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("key", sa.String(20), nullable=False, unique=True),
        sa.Column("user_id", sa.Integer, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
        sa.Column("device", sa.String(60), nullable=False),
        sa.Column("began_at", Moment, nullable=False),
        sa.Column("seen_at", Moment, nullable=False),
        sa.Column("ended_at", Moment),
    )


def _hash_recovery_codes(connection: sa.Connection) -> None:
    """Hash what lies in plain text; what is hashed already holds a dot, and stays as it is."""
    having = sa.select(_USERS).where(_USERS.c.mf_recovery_codes.isnot(None))
    for user in connection.execute(having).all():
        salt = secrets.token_bytes(16)
        codes = [code for code in user.mf_recovery_codes.split(",") if code]
        hashed = ",".join(code if "." in code else _hashed(code, salt) for code in codes)
        connection.execute(sa.update(_USERS).where(_USERS.c.id == user.id).values(mf_recovery_codes=hashed))


def _hashed(code: str, salt: bytes) -> str:
    secret = code.replace("-", "").casefold().encode()
    raw = hash_secret_raw(secret, salt, _TIME, _MEMORY, parallelism=1, hash_len=16, type=Type.ID)
    salted, digest = (base64.urlsafe_b64encode(part).decode() for part in (salt, raw))
    return f"{_TIME}.{_MEMORY}.{salted}.{digest}"
