"""Patients' earlier films, which are fetched from an archive to compare with."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from lungwise.store.database import Moment
from lungwise.store.migrations.tables import create_table, indexes_of

revision = "0046"
down_revision = "0045"


def upgrade() -> None:
    """Apply the step. Killed halfway on MySQL or MariaDB, it goes on where it stood."""
    if not sa.inspect(op.get_bind()).has_table("prior_films"):
        create_table(
            "prior_films",
            sa.Column("id", sa.Integer(), primary_key=True),
            sa.Column("key", sa.String(20), nullable=False, unique=True),
            sa.Column("clinic_id", sa.Integer(), sa.ForeignKey("clinics.id"), nullable=False),
            sa.Column("study_uid", sa.String(64), nullable=False),
            sa.Column("series_uid", sa.String(64), nullable=False),
            sa.Column("instance_uid", sa.String(64), nullable=False),
            sa.Column("sha256", sa.String(64), nullable=False),
            sa.Column("digest", sa.String(64), nullable=False),
            sa.Column("size", sa.Integer(), nullable=False),
            sa.Column("sender", sa.String(16), nullable=False),
            sa.Column("created_at", Moment(), nullable=False),
            sa.Column("patient_id", sa.Integer(), sa.ForeignKey("patients.id", ondelete="CASCADE"), nullable=False),
            sa.Column("taken_on", sa.Date(), nullable=False),
            sa.UniqueConstraint("clinic_id", "instance_uid"),
        )
    _index("prior_films", "patient_id")
    if not sa.inspect(op.get_bind()).has_table("prior_fetches"):
        patient = sa.ForeignKey("patients.id", ondelete="CASCADE")
        create_table(
            "prior_fetches",
            sa.Column("id", sa.Integer(), primary_key=True),
            sa.Column("state", sa.String(10), nullable=False),
            sa.Column("claim", sa.String(20), nullable=False),
            sa.Column("attempts", sa.Integer(), nullable=False),
            sa.Column("created_at", Moment(), nullable=False),
            sa.Column("due_at", Moment(), nullable=False),
            sa.Column("error", sa.String(200), nullable=False),
            sa.Column("patient_id", sa.Integer(), patient, nullable=False, unique=True),
        )
    _index("prior_fetches", "state", "due_at")


def _index(table: str, *columns: str) -> None:
    name = f"ix_{table}_{'_'.join(columns)}"
    if name not in indexes_of(sa.inspect(op.get_bind()), table):
        op.create_index(name, table, list(columns))
