"""Accession numbers that are asked of the hospital's modality worklist."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from lungwise.store.database import Moment
from lungwise.store.migrations.tables import create_table, indexes_of

revision = "0047"
down_revision = "0046"


def upgrade() -> None:
    """Apply the step. Killed halfway on MySQL or MariaDB, it goes on where it stood."""
    if not sa.inspect(op.get_bind()).has_table("accession_lookups"):
        create_table(
            "accession_lookups",
            sa.Column("id", sa.Integer(), primary_key=True),
            sa.Column("state", sa.String(10), nullable=False),
            sa.Column("claim", sa.String(20), nullable=False),
            sa.Column("attempts", sa.Integer(), nullable=False),
            sa.Column("created_at", Moment(), nullable=False),
            sa.Column("due_at", Moment(), nullable=False),
            sa.Column("error", sa.String(200), nullable=False),
            sa.Column("study_id", sa.Integer(), sa.ForeignKey("studies.id", ondelete="CASCADE"), nullable=False),
            sa.Column("study_uid", sa.String(64), nullable=False),
            sa.Column("taken_on", sa.Date(), nullable=True),
            sa.Column("answer", sa.String(12), nullable=False),
            sa.Column("source", sa.String(16), nullable=False),
            sa.UniqueConstraint("study_id", "study_uid"),
        )
    name = "ix_accession_lookups_state_due_at"
    if name not in indexes_of(sa.inspect(op.get_bind()), "accession_lookups"):
        op.create_index(name, "accession_lookups", ["state", "due_at"])
