"""The weeks in which each clinic's charts of errors were looked at, and the alarms that were raised."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from lungwise.store.database import Moment
from lungwise.store.migrations.tables import create_table

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    """Apply the step, or what a step that was interrupted left."""
    inspector = sa.inspect(op.get_bind())
    if not inspector.has_table("watch_runs"):
        create_table(
            "watch_runs",
            *_leased(),
            _clinic(),
            sa.Column("week", sa.Date, nullable=False),
            sa.UniqueConstraint("clinic_id", "week", name="uq_watch_runs_clinic_id_week"),
            sa.Index("ix_watch_runs_state_due_at", "state", "due_at"),
        )
    if not inspector.has_table("alarms"):
        _add_alarms()


def _add_alarms() -> None:
    identity = ("clinic_id", "model", "version", "finding", "sort", "result")
    create_table(
        "alarms",
        *_leased(),
        sa.Column("key", sa.String(20), nullable=False, unique=True),
        _clinic(),
        sa.Column("model", sa.String(60), nullable=False),
        sa.Column("version", sa.String(40), nullable=False),
        sa.Column("finding", sa.String(40), nullable=False),
        sa.Column("sort", sa.String(20), nullable=False),
        sa.Column("result", sa.Integer, nullable=False),
        sa.Column("films", sa.Integer, nullable=False),
        sa.Column("wrong", sa.Integer, nullable=False),
        sa.Column("expected", sa.Double, nullable=False),
        sa.Column("acknowledged_at", Moment),
        sa.Column("acknowledged_by", sa.String(120)),
        sa.UniqueConstraint(*identity, name="_".join(("uq", "alarms", *identity))),
        sa.Index("ix_alarms_state_due_at", "state", "due_at"),
    )


def _clinic() -> sa.Column[int]:
    return sa.Column("clinic_id", sa.Integer, sa.ForeignKey("clinics.id"), nullable=False)


def _leased() -> tuple[sa.Column[object], ...]:
    """The columns of a queue."""
    return (
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("claim", sa.String(20), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("due_at", Moment, nullable=False),
        sa.Column("error", sa.String(200), nullable=False),
    )
