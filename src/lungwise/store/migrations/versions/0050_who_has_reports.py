"""Who has a study's report, so that it can be withdrawn there once the study is deleted here."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from lungwise.store.database import Moment
from lungwise.store.migrations.tables import create_table, indexes_of

revision = "0050"
down_revision = "0049"


def upgrade() -> None:
    """Apply the step. Killed halfway on MySQL or MariaDB, it goes on where it stood."""
    if not sa.inspect(op.get_bind()).has_table("report_recipients"):
        create_table(
            "report_recipients",
            sa.Column("id", sa.Integer(), primary_key=True),
            sa.Column("state", sa.String(10), nullable=False),
            sa.Column("claim", sa.String(20), nullable=False),
            sa.Column("attempts", sa.Integer(), nullable=False),
            sa.Column("created_at", Moment(), nullable=False),
            sa.Column("due_at", Moment(), nullable=False),
            sa.Column("error", sa.String(200), nullable=False),
            sa.Column("key", sa.String(20), nullable=False, unique=True),
            sa.Column("clinic_id", sa.Integer(), sa.ForeignKey("clinics.id"), nullable=False),
            sa.Column("study_key", sa.String(20), nullable=False),
            sa.Column("destination", sa.String(280), nullable=False),
            sa.Column("version", sa.Integer(), nullable=False),
            sa.Column("identifiers", sa.LargeBinary(), nullable=False),
            sa.UniqueConstraint("study_key", "destination"),
        )
    _index("clinic_id")
    _index("state", "due_at")


def _index(*columns: str) -> None:
    name = f"ix_report_recipients_{'_'.join(columns)}"
    if name not in indexes_of(sa.inspect(op.get_bind()), "report_recipients"):
        op.create_index(name, "report_recipients", list(columns))
