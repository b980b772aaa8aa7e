"""A clinic's administrator sets what held for the whole installation before."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from lungwise.store.migrations.tables import columns_of

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    """Apply the step. Clinics before it are as the installation is set, which a null says."""
    there = columns_of(sa.inspect(op.get_bind()), "clinics")
    for column in (
        sa.Column("letterhead", sa.Text()),
        sa.Column("time_zone", sa.String(64)),
        sa.Column("prevalence", sa.Double()),
        sa.Column("language", sa.String(5)),
        sa.Column("registration", sa.String(20)),
    ):
        if column.name not in there:  # killed halfway on MySQL or MariaDB, the step goes on where it stood
            op.add_column("clinics", column)
