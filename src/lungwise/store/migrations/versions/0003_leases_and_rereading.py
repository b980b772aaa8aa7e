"""Jobs get leases, and may be for one model alone."""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from lungwise.store.database import Moment

revision = "0003"
down_revision = "0002"

_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def upgrade() -> None:
    """Apply the step. What the release before had in hand is due at once."""
    op.add_column("jobs", sa.Column("model", sa.String(length=101), nullable=False, server_default=""))
    op.add_column("jobs", sa.Column("claim", sa.String(length=20), nullable=False, server_default=""))
    op.add_column("jobs", sa.Column("due_at", Moment(), nullable=True))
    jobs = sa.table("jobs", sa.column("due_at", Moment()))
    op.execute(sa.update(jobs).values(due_at=_LONG_AGO))
    with op.batch_alter_table("jobs") as table:
        table.alter_column("model", existing_type=sa.String(length=101), existing_nullable=False, server_default=None)
        table.alter_column("claim", existing_type=sa.String(length=20), existing_nullable=False, server_default=None)
        table.alter_column("due_at", existing_type=Moment(), nullable=False)
        table.create_unique_constraint("uq_jobs_film_id_model", ["film_id", "model"])
        table.create_index("ix_jobs_state_model_id", ["state", "model", "id"])
        table.drop_index("ix_jobs_film_id")
        table.drop_index("ix_jobs_state_id")
