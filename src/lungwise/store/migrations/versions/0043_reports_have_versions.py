"""Reports have versions: whoever gets them can tell a newer one, and one that comes again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from lungwise.store.migrations.tables import columns_of

revision = "0043"
down_revision = "0041"


def upgrade() -> None:
    """Apply the step. The reports of studies before it begin to be counted when they change."""
    if "report_version" not in columns_of(sa.inspect(op.get_bind()), "studies"):
        op.add_column("studies", sa.Column("report_version", sa.Integer(), nullable=False, server_default="0"))
