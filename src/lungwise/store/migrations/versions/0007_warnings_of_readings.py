"""Readings keep the codes of their warnings."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Apply the step. Readings made before it have none."""
    op.add_column("readings", sa.Column("warnings", sa.JSON(), nullable=True))
