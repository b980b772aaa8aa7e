"""Messages of hospital systems by HL7: which were done, and which wait for an administrator."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from lungwise.store.database import Moment
from lungwise.store.migrations.tables import create_table

revision = "0045"
down_revision = "0044"


def upgrade() -> None:
    """Apply the step."""
    if sa.inspect(op.get_bind()).has_table("hl7_messages"):
        return  # killed halfway on MySQL or MariaDB
    create_table(
        "hl7_messages",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("key", sa.String(20), nullable=False),
        sa.Column("clinic_id", sa.Integer(), sa.ForeignKey("clinics.id"), nullable=False),
        sa.Column("sender", sa.String(120), nullable=False),
        sa.Column("type", sa.String(40), nullable=False),
        sa.Column("digest", sa.String(40), nullable=False),
        sa.Column("patient_index", sa.String(40), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("error", sa.String(300), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("text", sa.LargeBinary()),
        sa.UniqueConstraint("key"),
        sa.UniqueConstraint("clinic_id", "digest"),
        sa.Index("ix_hl7_messages_clinic_id_state", "clinic_id", "state"),
        sa.Index("ix_hl7_messages_clinic_id_patient_index", "clinic_id", "patient_index"),
        sa.Index("ix_hl7_messages_created_at", "created_at"),
    )
