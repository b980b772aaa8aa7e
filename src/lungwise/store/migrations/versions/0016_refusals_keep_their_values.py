"""Refusals keep their values, so that each reader gets the sentence in their own language."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Apply the step. Refusals made before it keep the sentence that they were stored with."""
    op.add_column("readings", sa.Column("refusal_values", sa.JSON(), nullable=True))
