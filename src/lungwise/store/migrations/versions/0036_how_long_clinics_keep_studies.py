"""A clinic says for how long it keeps studies, and what an account uploads in a day is counted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from lungwise.store.migrations.tables import columns_of, create_table

revision = "0036"
down_revision = "0035"


def upgrade() -> None:
    """Apply the step. Clinics before it keep everything, which a null says."""
    inspector = sa.inspect(op.get_bind())
    there = columns_of(inspector, "clinics")
    for column in (sa.Column("retention", sa.String(10)), sa.Column("retention_days", sa.Integer())):
        if column.name not in there:  # killed halfway on MySQL or MariaDB, the step goes on where it stood
            op.add_column("clinics", column)
    if not inspector.has_table("upload_days"):
        create_table(
            "upload_days",
            sa.Column(
                "user_id",
                sa.Integer(),
                sa.ForeignKey("users.id", ondelete="CASCADE"),
                primary_key=True,
                autoincrement=False,
            ),
            sa.Column("day", sa.Date(), primary_key=True),
            sa.Column("films", sa.Integer(), nullable=False),
            sa.Column("size", sa.BigInteger(), nullable=False),
        )
