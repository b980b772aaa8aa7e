"""Films say that a camera took them, and where in the picture the film lies."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Apply the step. Of the films before it nobody knows whether a camera took them."""
    op.add_column("films", sa.Column("by_camera", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("films", sa.Column("corners", sa.JSON(), nullable=True))
