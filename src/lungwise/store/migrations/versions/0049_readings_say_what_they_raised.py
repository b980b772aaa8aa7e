"""Readings say which findings their thresholds raised, whatever those of a later model are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from lungwise.store.migrations.tables import columns_of

revision = "0049"
down_revision = "0048"


def upgrade() -> None:
    """Apply the step. What readings made before it raised is worked out from their findings when it is shown."""
    if "raised" not in columns_of(sa.inspect(op.get_bind()), "readings"):
        op.add_column("readings", sa.Column("raised", sa.JSON(none_as_null=True)))
