"""Films kept aside, objects beside the films of a study, which content is a film already, and keys of pages' forms.

Killed halfway on MySQL or MariaDB, where each change of a table stands by itself, the step goes on where it stood.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from lungwise.store.database import Moment
from lungwise.store.migrations.tables import columns_of, create_table, foreign_keys_of, indexes_of, uniques_of

revision = "0015"
down_revision = "0014"

_USER_KEY = "uq_idempotency_keys_user_id_key"


def upgrade() -> None:
    """Apply the step, or what a step that was interrupted left."""
    inspector = sa.inspect(op.get_bind())
    if not inspector.has_table("held_films"):
        _add_held_films()
    if not inspector.has_table("other_objects"):
        _add_other_objects()
    if not inspector.has_table("film_contents"):
        _add_film_contents()
    if "ix_films_sha256" not in indexes_of(inspector, "films"):
        op.create_index("ix_films_sha256", "films", ["sha256"])
    _widen_idempotency_keys(inspector)


def _object_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("key", sa.String(20), nullable=False, unique=True),
        sa.Column("clinic_id", sa.Integer, sa.ForeignKey("clinics.id"), nullable=False),
        sa.Column("study_uid", sa.String(64), nullable=False),
        sa.Column("series_uid", sa.String(64), nullable=False),
        sa.Column("instance_uid", sa.String(64), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("sender", sa.String(16), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
    ]


def _add_held_films() -> None:
    create_table(
        "held_films",
        *_object_columns(),
        sa.Column("film_id", sa.Integer, sa.ForeignKey("films.id", ondelete="SET NULL"), index=True),
        sa.Column("cause", sa.String(10), nullable=False),
        sa.UniqueConstraint("clinic_id", "instance_uid", "digest", name="uq_held_films_clinic_id_instance_uid_digest"),
    )


def _add_other_objects() -> None:
    create_table(
        "other_objects",
        *_object_columns(),
        sa.Column("sop_class", sa.String(64), nullable=False),
        sa.UniqueConstraint(
            "clinic_id", "instance_uid", "digest", name="uq_other_objects_clinic_id_instance_uid_digest"
        ),
        sa.Index("ix_other_objects_clinic_id_study_uid", "clinic_id", "study_uid"),
    )


def _add_film_contents() -> None:
    create_table(
        "film_contents",
        sa.Column("clinic_id", sa.Integer, sa.ForeignKey("clinics.id"), primary_key=True, autoincrement=False),
        sa.Column("content", sa.String(64), primary_key=True),
        sa.Column("film_id", sa.Integer, sa.ForeignKey("films.id", ondelete="CASCADE"), nullable=False, index=True),
    )


def _widen_idempotency_keys(inspector: sa.Inspector) -> None:
    """A key is a token's, or that of a page's form and then its person's."""
    if "user_id" not in columns_of(inspector, "idempotency_keys"):
        op.add_column("idempotency_keys", sa.Column("user_id", sa.Integer))
    with op.batch_alter_table("idempotency_keys") as table:
        table.alter_column("token_id", existing_type=sa.Integer(), nullable=True)
        if _USER_KEY not in uniques_of(inspector, "idempotency_keys"):
            table.create_unique_constraint(_USER_KEY, ["user_id", "key"])
        if "fk_idempotency_keys_user_id" not in foreign_keys_of(inspector, "idempotency_keys"):
            table.create_foreign_key("fk_idempotency_keys_user_id", "users", ["user_id"], ["id"], ondelete="CASCADE")
