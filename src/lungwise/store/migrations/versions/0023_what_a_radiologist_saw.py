"""A reference result may be what a radiologist saw: a longer word than negative or positive."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    """Apply the step."""
    with op.batch_alter_table("reference_results") as results:
        results.alter_column("result", existing_type=sa.String(10), type_=sa.String(20), existing_nullable=False)
