"""Readings say whether the film is called normal, and which pattern it has."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Apply the step. What readings made before it say of that is worked out from their findings when it is shown."""
    op.add_column("readings", sa.Column("normal_called", sa.Boolean(), nullable=True))
    op.add_column("readings", sa.Column("pattern", sa.String(length=40), nullable=True))
