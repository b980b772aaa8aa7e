"""Readings say what the picture is like, by which it is seen whether a clinic's pictures have changed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from lungwise.store.migrations.tables import columns_of

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    """Apply the step, or what a step that was interrupted left. Of readings before it none of that is known."""
    present = columns_of(sa.inspect(op.get_bind()), "readings")
    for name in ("gate", "grey", "contrast"):
        if name not in present:
            op.add_column("readings", sa.Column(name, sa.Double(), nullable=True))
