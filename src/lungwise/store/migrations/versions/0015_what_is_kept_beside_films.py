"""Films kept aside, objects beside the films of a study, which content is a film already, and keys of pages' forms.

Killed halfway on MySQL or MariaDB, where each change of a table stands by itself, the step goes on where it stood.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from lungwise.store.database import Moment

revision = "0015"
down_revision = "0014"

TABLE: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}
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
    if "ix_films_sha256" not in {index["name"] for index in inspector.get_indexes("films")}:
        op.create_index("ix_films_sha256", "films", ["sha256"])
    _widen_idempotency_keys(inspector)


def _object_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=20), nullable=False),
        sa.Column("clinic_id", sa.Integer(), nullable=False),
        sa.Column("study_uid", sa.String(length=64), nullable=False),
        sa.Column("series_uid", sa.String(length=64), nullable=False),
        sa.Column("instance_uid", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sender", sa.String(length=16), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
    ]


def _add_held_films() -> None:
    op.create_table(
        "held_films",
        *_object_columns(),
        sa.Column("film_id", sa.Integer(), nullable=True),
        sa.Column("cause", sa.String(length=10), nullable=False),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinics.id"], name="fk_held_films_clinic_id"),
        sa.ForeignKeyConstraint(["film_id"], ["films.id"], name="fk_held_films_film_id", ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name="pk_held_films"),
        sa.UniqueConstraint("key", name="uq_held_films_key"),
        sa.UniqueConstraint("clinic_id", "instance_uid", "digest", name="uq_held_films_clinic_id_instance_uid_digest"),
        sa.Index("ix_held_films_film_id", "film_id"),
        **TABLE,
    )


def _add_other_objects() -> None:
    op.create_table(
        "other_objects",
        *_object_columns(),
        sa.Column("sop_class", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinics.id"], name="fk_other_objects_clinic_id"),
        sa.PrimaryKeyConstraint("id", name="pk_other_objects"),
        sa.UniqueConstraint("key", name="uq_other_objects_key"),
        sa.UniqueConstraint(
            "clinic_id", "instance_uid", "digest", name="uq_other_objects_clinic_id_instance_uid_digest"
        ),
        sa.Index("ix_other_objects_clinic_id_study_uid", "clinic_id", "study_uid"),
        **TABLE,
    )


def _add_film_contents() -> None:
    op.create_table(
        "film_contents",
        sa.Column("clinic_id", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("content", sa.String(length=64), nullable=False),
        sa.Column("film_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinics.id"], name="fk_film_contents_clinic_id"),
        sa.ForeignKeyConstraint(["film_id"], ["films.id"], name="fk_film_contents_film_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("clinic_id", "content", name="pk_film_contents"),
        sa.Index("ix_film_contents_film_id", "film_id"),
        **TABLE,
    )


def _widen_idempotency_keys(inspector: sa.Inspector) -> None:
    """A key is a token's, or that of a page's form and then its person's."""
    columns = {column["name"] for column in inspector.get_columns("idempotency_keys")}
    if "user_id" not in columns:
        op.add_column("idempotency_keys", sa.Column("user_id", sa.Integer(), nullable=True))
    uniques = {unique["name"] for unique in inspector.get_unique_constraints("idempotency_keys")}
    keys = {key["name"] for key in inspector.get_foreign_keys("idempotency_keys")}
    with op.batch_alter_table("idempotency_keys") as table:
        table.alter_column("token_id", existing_type=sa.Integer(), nullable=True)
        if _USER_KEY not in uniques:
            table.create_unique_constraint(_USER_KEY, ["user_id", "key"])
        if "fk_idempotency_keys_user_id" not in keys:
            table.create_foreign_key("fk_idempotency_keys_user_id", "users", ["user_id"], ["id"], ondelete="CASCADE")
