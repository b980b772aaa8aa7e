"""Readings say how much of the lungs is opaque, and from which side the film was taken.

Killed halfway on MySQL or MariaDB, where each change of a table stands by itself, the step goes on where it stood.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from lungwise.store.migrations.tables import columns_of

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    """Apply the step. Readings made before it say neither."""
    there = columns_of(sa.inspect(op.get_bind()), "readings")
    for name in ("extent_percent", "extent_brixia", "extent_repeatability"):
        if name not in there:
            op.add_column("readings", sa.Column(name, sa.Double(), nullable=True))
    if "view_position" not in there:
        op.add_column("readings", sa.Column("view_position", sa.String(length=2), nullable=True))
