"""Films come over the network and keep their UIDs; results go out."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from lungwise.store.database import Moment

revision = "0002"
down_revision = "0001"

TABLE: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}


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

    op.create_table(
        "acceptances",
        sa.Column("clinic_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("instance_uid", sa.String(length=64), nullable=False),
        sa.Column("film_id", sa.Integer(), nullable=False),
        sa.Column("sender", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinics.id"], name="fk_acceptances_clinic_id"),
        sa.ForeignKeyConstraint(["film_id"], ["films.id"], name="fk_acceptances_film_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("clinic_id", "instance_uid", name="pk_acceptances"),
        **TABLE,
    )
    op.create_index("ix_acceptances_film_id", "acceptances", ["film_id"])

    op.create_table(
        "dispatches",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("reading_id", sa.Integer(), nullable=False),
        sa.Column("destination", sa.String(length=100), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("accepted", sa.JSON(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("due_at", Moment(), nullable=False),
        sa.Column("error", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["reading_id"], ["readings.id"], name="fk_dispatches_reading_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_dispatches"),
        sa.UniqueConstraint("reading_id", "destination", name="uq_dispatches_reading_id_destination"),
        **TABLE,
    )
    op.create_index("ix_dispatches_state_due_at", "dispatches", ["state", "due_at"])
