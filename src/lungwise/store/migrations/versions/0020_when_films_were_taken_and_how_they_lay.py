"""Films say when they were taken, and readings how they lay, so that a film that was turned is shown turned."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Apply the step. Of films before it neither is known: they are shown with their upload's day, and as they are."""
    op.add_column("films", sa.Column("taken_on", sa.Date(), nullable=True))
    op.add_column("readings", sa.Column("quarter_turns", sa.Integer(), nullable=False, server_default="0"))
