"""Clinics keep the orders that films answer."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from lungwise.store.database import Moment
from lungwise.store.migrations.tables import create_table, indexes_of

revision = "0038"
down_revision = "0037"

_INDEXES = {
    "ix_orders_patient_id": ["patient_id"],
    "ix_orders_merged_from_id": ["merged_from_id"],
    "ix_orders_study_key": ["study_key"],
    "ix_orders_clinic_id_study_uid": ["clinic_id", "study_uid"],
    "ix_orders_worklist": ["clinic_id", "status", "scheduled_at"],
    "ix_orders_page": ["clinic_id", "status", "id"],
}


def upgrade() -> None:
    """Apply the step, or what a step that was interrupted left."""
    if not sa.inspect(op.get_bind()).has_table("orders"):
        create_table(
            "orders",
            sa.Column("id", sa.Integer(), primary_key=True),
            sa.Column("key", sa.String(20), nullable=False, unique=True),
            sa.Column("clinic_id", sa.Integer(), sa.ForeignKey("clinics.id"), nullable=False),
            sa.Column("patient_id", sa.Integer(), sa.ForeignKey("patients.id"), nullable=False),
            sa.Column("merged_from_id", sa.Integer(), sa.ForeignKey("patients.id")),
            sa.Column("author_id", sa.Integer(), sa.ForeignKey("users.id")),
            sa.Column("status", sa.String(12), nullable=False),
            sa.Column("urgency", sa.String(10), nullable=False),
            sa.Column("way", sa.String(10), nullable=False),
            sa.Column("modality", sa.String(16), nullable=False),
            sa.Column("station", sa.String(16), nullable=False),
            sa.Column("scheduled_at", Moment(), nullable=False),
            sa.Column("study_uid", sa.String(64), nullable=False),
            sa.Column("study_key", sa.String(20)),
            sa.Column("accession", sa.LargeBinary(), nullable=False),
            sa.Column("accession_index", sa.String(40), nullable=False),
            sa.Column("placer", sa.LargeBinary()),
            sa.Column("placer_index", sa.String(40)),
            sa.Column("requested_procedure", sa.LargeBinary(), nullable=False),
            sa.Column("reason", sa.LargeBinary(), nullable=False),
            sa.Column("referring_physician", sa.LargeBinary(), nullable=False),
            sa.Column("ordered_by", sa.LargeBinary(), nullable=False),
            sa.Column("created_at", Moment(), nullable=False),
            sa.Column("changed_at", Moment(), nullable=False),
            sa.UniqueConstraint("clinic_id", "accession_index"),
            sa.UniqueConstraint("clinic_id", "placer_index"),
        )
    present = indexes_of(sa.inspect(op.get_bind()), "orders")
    for name, columns in _INDEXES.items():
        if name not in present:
            op.create_index(name, "orders", columns)
