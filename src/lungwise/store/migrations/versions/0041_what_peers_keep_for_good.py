"""Storage commitment: what peers ask of this installation, and what archives have confirmed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from lungwise.store.database import Moment
from lungwise.store.migrations.tables import columns_of, create_table, indexes_of

revision = "0041"
down_revision = "0038"


def upgrade() -> None:
    """Apply the step. Killed halfway on MySQL or MariaDB, it goes on where it stood."""
    there = columns_of(sa.inspect(op.get_bind()), "study_dispatches")
    for column in (
        sa.Column("committed", sa.JSON(none_as_null=True)),
        sa.Column("as_sent", sa.JSON(none_as_null=True)),
        sa.Column("asks", sa.Integer(), nullable=False, server_default="0"),
    ):
        if column.name not in there:
            op.add_column("study_dispatches", column)
    _reports()
    _requests()


def _reports() -> None:
    if not sa.inspect(op.get_bind()).has_table("commitment_reports"):
        create_table(
            "commitment_reports",
            sa.Column("id", sa.Integer(), primary_key=True),
            sa.Column("state", sa.String(10), nullable=False),
            sa.Column("claim", sa.String(20), nullable=False),
            sa.Column("attempts", sa.Integer(), nullable=False),
            sa.Column("created_at", Moment(), nullable=False),
            sa.Column("due_at", Moment(), nullable=False),
            sa.Column("error", sa.String(200), nullable=False),
            sa.Column("clinic_id", sa.Integer(), sa.ForeignKey("clinics.id"), nullable=False),
            sa.Column("title", sa.String(16), nullable=False),
            sa.Column("transaction_uid", sa.String(64), nullable=False),
            sa.Column("asked", sa.JSON(), nullable=False),
            sa.UniqueConstraint("title", "transaction_uid"),
        )
    if "ix_commitment_reports_state_due_at" not in indexes_of(sa.inspect(op.get_bind()), "commitment_reports"):
        op.create_index("ix_commitment_reports_state_due_at", "commitment_reports", ["state", "due_at"])


def _requests() -> None:
    if not sa.inspect(op.get_bind()).has_table("commitment_requests"):
        dispatch = sa.ForeignKey("study_dispatches.id", ondelete="CASCADE")
        create_table(
            "commitment_requests",
            sa.Column("id", sa.Integer(), primary_key=True),
            sa.Column("dispatch_id", sa.Integer(), dispatch, nullable=False),
            sa.Column("transaction_uid", sa.String(64), nullable=False, unique=True),
            sa.Column("created_at", Moment(), nullable=False),
        )
    if "ix_commitment_requests_dispatch_id" not in indexes_of(sa.inspect(op.get_bind()), "commitment_requests"):
        op.create_index("ix_commitment_requests_dispatch_id", "commitment_requests", ["dispatch_id"])
