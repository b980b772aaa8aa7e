"""An alarm may be about answers that jumped: how far, and why. Of proposed thresholds it is known who was alone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from lungwise.store.migrations.tables import columns_of

revision = "0034"
down_revision = "0033"


def upgrade() -> None:
    """Apply the step, or what a step that was interrupted left. Alarms before it were about mistakes."""
    there = columns_of(sa.inspect(op.get_bind()), "alarms")
    for column in (sa.Column("distance", sa.Double()), sa.Column("cause", sa.String(20))):
        if column.name not in there:
            op.add_column("alarms", column)
    if "alone" not in columns_of(sa.inspect(op.get_bind()), "threshold_sets"):
        op.add_column("threshold_sets", sa.Column("alone", sa.Boolean()))
