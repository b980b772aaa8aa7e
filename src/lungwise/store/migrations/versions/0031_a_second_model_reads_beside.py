"""What a second model says of films, and which model read here from when on."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from lungwise.store.database import Moment
from lungwise.store.migrations.tables import create_table

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    """Apply the step, or what a step that was interrupted left."""
    inspector = sa.inspect(op.get_bind())
    if not inspector.has_table("shadow_models"):
        create_table(
            "shadow_models",
            sa.Column("id", sa.Integer, primary_key=True),
            sa.Column("sha256", sa.String(64), nullable=False, unique=True),
            *_model(),
            sa.Column("thresholds", sa.JSON, nullable=False),
            sa.Column("created_at", Moment, nullable=False),
        )
    if not inspector.has_table("shadow_readings"):
        _add_readings()
    if not inspector.has_table("models_in_use"):
        create_table(
            "models_in_use",
            sa.Column("id", sa.Integer, primary_key=True),
            *_model(),
            sa.Column("sha256", sa.String(64), nullable=False),
            sa.Column("since", Moment, nullable=False),
        )


def _model() -> tuple[sa.Column[str], ...]:
    return sa.Column("name", sa.String(60), nullable=False), sa.Column("version", sa.String(40), nullable=False)


def _add_readings() -> None:
    film, shadow = (sa.ForeignKey(f"{table}.id", ondelete="CASCADE") for table in ("films", "shadow_models"))
    create_table(
        "shadow_readings",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("film_id", sa.Integer, film, nullable=False),
        sa.Column("shadow_id", sa.Integer, shadow, nullable=False, index=True),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("findings", sa.JSON, nullable=False),
        sa.Column("refusal_code", sa.String(40)),
        sa.UniqueConstraint("film_id", "shadow_id", name="uq_shadow_readings_film_id_shadow_id"),
    )
