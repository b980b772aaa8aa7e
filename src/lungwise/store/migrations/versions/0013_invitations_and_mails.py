"""Invitations that can be taken back, mails that wait for the mail server, and accounts that were deleted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from lungwise.store.database import Moment
from lungwise.store.migrations.tables import create_table

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Apply the step."""
    _add_invitations()
    _add_mails()
    op.add_column("users", sa.Column("deleted_at", Moment))


def _add_invitations() -> None:
    create_table(
        "invitations",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("key", sa.String(20), nullable=False, unique=True),
        sa.Column("clinic_id", sa.Integer, sa.ForeignKey("clinics.id"), nullable=False, index=True),
        sa.Column("email", sa.String(255), nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("expires_at", Moment, nullable=False),
    )


def _add_mails() -> None:
    create_table(
        "mails",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("key", sa.String(20), nullable=False, unique=True),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("due_at", Moment, nullable=False, index=True),
    )

    create_table(
        "mail_limits",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("until", Moment, nullable=False),
    )
