"""Clinics have thresholds of their own, a reading keeps those it was given by, and patients are drawn for a check.

Killed halfway on MySQL or MariaDB, where each change of a table stands by itself, the step goes on where it stood.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from lungwise.store.database import Moment
from lungwise.store.migrations.tables import columns_of, create_table

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    """Apply the step. Readings before it were given by the model's thresholds, which a null says."""
    inspector = sa.inspect(op.get_bind())
    there = columns_of(inspector, "clinics")
    for column in (
        sa.Column("thresholds", sa.String(20)),
        sa.Column("sampled", sa.Integer()),
        sa.Column("result_days", sa.Integer()),
    ):
        if column.name not in there:
            op.add_column("clinics", column)
    if "thresholds" not in columns_of(inspector, "readings"):
        op.add_column("readings", sa.Column("thresholds", sa.JSON(none_as_null=True)))
    if not inspector.has_table("threshold_sets"):
        _make_sets()


def _make_sets() -> None:
    create_table(
        "threshold_sets",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("key", sa.String(20), nullable=False, unique=True),
        sa.Column("clinic_id", sa.Integer(), sa.ForeignKey("clinics.id"), nullable=False, index=True),
        sa.Column("model", sa.String(60), nullable=False),
        sa.Column("version", sa.String(40), nullable=False),
        sa.Column("model_sha256", sa.String(64), nullable=False),
        sa.Column("finding", sa.String(40), nullable=False),
        sa.Column("findings", sa.JSON(), nullable=False),
        sa.Column("set_before", sa.String(20)),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("proposer_id", sa.Integer(), nullable=False),
        sa.Column("proposer_name", sa.String(120), nullable=False),
        sa.Column("proposed_at", Moment(), nullable=False),
        sa.Column("decider_id", sa.Integer()),
        sa.Column("decider_name", sa.String(120)),
        sa.Column("decided_at", Moment()),
    )
