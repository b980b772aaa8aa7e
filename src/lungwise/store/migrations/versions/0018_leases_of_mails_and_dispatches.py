"""Mails and dispatches are leased as films to read are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Apply the step. What the release before had claimed is claimed again when its time is over."""
    for table in ("dispatches", "mails"):
        op.add_column(table, sa.Column("claim", sa.String(length=20), nullable=False, server_default=""))
    op.add_column("mails", sa.Column("state", sa.String(length=10), nullable=False, server_default="queued"))
    op.add_column("mails", sa.Column("error", sa.String(length=200), nullable=False, server_default=""))
    op.create_index("ix_mails_state_due_at", "mails", ["state", "due_at"])
    op.drop_index("ix_mails_due_at", "mails")
