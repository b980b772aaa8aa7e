"""Tokens for programs, and what they asked for with an idempotency key."""

from __future__ import annotations

import sqlalchemy as sa

from lungwise.store.database import Moment
from lungwise.store.migrations.tables import create_table

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Apply the step."""
    _add_tokens()
    _add_idempotency_keys()


def _add_tokens() -> None:
    create_table(
        "tokens",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("key", sa.String(20), nullable=False, unique=True),
        sa.Column("user_id", sa.Integer, sa.ForeignKey("users.id"), nullable=False, index=True),
        sa.Column("machine", sa.Boolean, nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("scopes", sa.String(80), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False, unique=True),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("expires_at", Moment, nullable=False),
        sa.Column("used_at", Moment),
        sa.Column("revoked_at", Moment),
    )


def _add_idempotency_keys() -> None:
    create_table(
        "idempotency_keys",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("token_id", sa.Integer, sa.ForeignKey("tokens.id", ondelete="CASCADE"), nullable=False),
        sa.Column("key", sa.String(128), nullable=False),
        sa.Column("request_hash", sa.String(64), nullable=False),
        sa.Column("result", sa.String(40), nullable=False),
        sa.Column("created_at", Moment, nullable=False, index=True),
        sa.UniqueConstraint("token_id", "key", name="uq_idempotency_keys_token_id_key"),
    )
