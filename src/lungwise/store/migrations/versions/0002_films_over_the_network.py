"""Films come over the network and keep their UIDs; results go out."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from lungwise.store.database import Moment
from lungwise.store.migrations.tables import create_table

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Apply the step. What was there before has an author, and no UIDs."""
    with op.batch_alter_table("studies") as table:
        table.alter_column("author_id", existing_type=sa.Integer(), nullable=True)
        table.add_column(sa.Column("node", sa.String(length=16), nullable=True))
        table.add_column(sa.Column("study_uid", sa.String(length=64), nullable=True))
    op.create_index("ix_studies_clinic_id_study_uid", "studies", ["clinic_id", "study_uid"], unique=True)

    for name in ("study_uid", "series_uid", "instance_uid"):
        op.add_column("films", sa.Column(name, sa.String(length=64), nullable=True))
    op.create_index("ix_films_instance_uid", "films", ["instance_uid"])
    _add_acceptances()
    _add_dispatches()


def _add_acceptances() -> None:
    create_table(
        "acceptances",
        sa.Column("clinic_id", sa.Integer, sa.ForeignKey("clinics.id"), primary_key=True, autoincrement=False),
        sa.Column("instance_uid", sa.String(64), primary_key=True),
        sa.Column("film_id", sa.Integer, sa.ForeignKey("films.id", ondelete="CASCADE"), nullable=False, index=True),
        sa.Column("sender", sa.String(16), nullable=False),
    )


def _add_dispatches() -> None:
    create_table(
        "dispatches",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("reading_id", sa.Integer, sa.ForeignKey("readings.id", ondelete="CASCADE"), nullable=False),
        sa.Column("destination", sa.String(100), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("accepted", sa.JSON, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("due_at", Moment, nullable=False),
        sa.Column("error", sa.String(200), nullable=False),
        sa.UniqueConstraint("reading_id", "destination", name="uq_dispatches_reading_id_destination"),
    )
    op.create_index("ix_dispatches_state_due_at", "dispatches", ["state", "due_at"])
