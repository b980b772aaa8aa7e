"""Which versions of a study's structured report archives have: a new one names the one before it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from lungwise.store.database import Moment
from lungwise.store.migrations.tables import create_table, indexes_of

revision = "0035"
down_revision = "0034"


def upgrade() -> None:
    """Apply the step. Of reports sent before it nothing is known: the next version of each names none."""
    if not sa.inspect(op.get_bind()).has_table("sent_reports"):
        create_table(
            "sent_reports",
            sa.Column("id", sa.Integer(), primary_key=True),
            sa.Column("study_id", sa.Integer(), sa.ForeignKey("studies.id", ondelete="CASCADE"), nullable=False),
            sa.Column("study_uid", sa.String(64), nullable=False),
            sa.Column("series_uid", sa.String(64), nullable=False),
            sa.Column("instance_uid", sa.String(64), nullable=False),
            sa.Column("created_at", Moment(), nullable=False),
        )
    if "ix_sent_reports_study_id_study_uid" not in indexes_of(sa.inspect(op.get_bind()), "sent_reports"):
        op.create_index("ix_sent_reports_study_id_study_uid", "sent_reports", ["study_id", "study_uid"])
