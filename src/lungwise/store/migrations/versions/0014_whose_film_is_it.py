"""A patient is an identifier within its issuer; records may be unclear, and merged; films keep their header's patient.

Today's patients stay as they are: each is the first of its identifier. The words of names are not stored any more.
Killed halfway on MySQL or MariaDB, where each change of a table stands by itself, the step goes on where it stood.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from lungwise.store.database import Moment
from lungwise.store.migrations.tables import columns_of, create_table, foreign_keys_of, indexes_of, uniques_of

revision = "0014"
down_revision = "0013"

_PATIENTS = sa.table(
    "patients",
    sa.column("identifier_index", sa.String),
    sa.column("identity_index", sa.String),
    sa.column("identity", sa.String),
    sa.column("changed_at", Moment()),
    sa.column("created_at", Moment()),
)
_ADDED: dict[str, sa.types.TypeEngine[Any]] = {
    "issuer": sa.LargeBinary(),
    "ideographic": sa.LargeBinary(),
    "phonetic": sa.LargeBinary(),
    "identity_index": sa.String(length=40),
    "identity": sa.String(length=10),
    "identity_before": sa.String(length=10),
    "same_as_id": sa.Integer(),
    "changed_at": Moment(),
}
_OLD_UNIQUE, _NEW_UNIQUE = "uq_patients_clinic_id_identifier_index", "uq_patients_clinic_id_identity_index"
_INDEXES = {
    "ix_patients_clinic_id_identifier_index": ["clinic_id", "identifier_index"],
    "ix_patients_clinic_id_changed_at": ["clinic_id", "changed_at"],
    "ix_patients_clinic_id_identity": ["clinic_id", "identity"],
    "ix_patients_same_as_id": ["same_as_id"],
}


def upgrade() -> None:
    """Apply the step."""
    inspector = sa.inspect(op.get_bind())
    _widen_patients(inspector)
    if inspector.has_table("patient_words"):
        op.drop_table("patient_words")
    if not inspector.has_table("patient_changes"):
        _add_changes()
    _widen_studies(inspector)
    if "header" not in columns_of(inspector, "films"):
        op.add_column("films", sa.Column("header", sa.LargeBinary(), nullable=True))


def _widen_patients(inspector: sa.Inspector) -> None:
    there = columns_of(inspector, "patients")
    for name, kind in _ADDED.items():
        if name not in there:
            op.add_column("patients", sa.Column(name, kind, nullable=True))
    first = sa.update(_PATIENTS).where(_PATIENTS.c.identity_index.is_(None))
    op.execute(
        first.values(identity_index=_PATIENTS.c.identifier_index, identity="clear", changed_at=_PATIENTS.c.created_at)
    )
    with op.batch_alter_table("patients") as table:
        for name in ("identity_index", "identity", "changed_at"):
            table.alter_column(name, existing_type=_ADDED[name], nullable=False)
    _index_patients(inspector)


def _index_patients(inspector: sa.Inspector) -> None:
    uniques = uniques_of(inspector, "patients")
    with op.batch_alter_table("patients") as table:
        for index in _INDEXES.keys() - indexes_of(inspector, "patients"):
            table.create_index(index, _INDEXES[index])
        if _NEW_UNIQUE not in uniques:
            table.create_unique_constraint(_NEW_UNIQUE, ["clinic_id", "identity_index"])
        if _OLD_UNIQUE in uniques:
            table.drop_constraint(_OLD_UNIQUE, type_="unique")
        if "fk_patients_same_as_id" not in foreign_keys_of(inspector, "patients"):
            table.create_foreign_key("fk_patients_same_as_id", "patients", ["same_as_id"], ["id"])


def _add_changes() -> None:
    create_table(
        "patient_changes",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("key", sa.String(20), nullable=False, unique=True),
        sa.Column(
            "patient_id", sa.Integer, sa.ForeignKey("patients.id", ondelete="CASCADE"), nullable=False, index=True
        ),
        sa.Column("cause_id", sa.Integer),
        sa.Column("person_name", sa.String(120), nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("before", sa.LargeBinary(), nullable=False),
    )


def _widen_studies(inspector: sa.Inspector) -> None:
    if "apart_id" not in columns_of(inspector, "studies"):
        op.add_column("studies", sa.Column("apart_id", sa.Integer(), nullable=True))
    with op.batch_alter_table("studies") as table:
        if "ix_studies_apart_id" not in indexes_of(inspector, "studies"):
            table.create_index("ix_studies_apart_id", ["apart_id"])
        if "fk_studies_apart_id" not in foreign_keys_of(inspector, "studies"):
            table.create_foreign_key("fk_studies_apart_id", "patients", ["apart_id"], ["id"])
