"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from lungwise.store.database import Moment
from lungwise.store.migrations.tables import create_table

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Apply the step."""
    _add_audit()
    _add_clinics_and_failures()
    _add_patients()
    _add_users()
    _add_patient_words()
    _add_studies()
    _add_films()
    _add_opinions()
    _add_jobs()
    _add_readings()


def _add_audit() -> None:
    create_table(
        "audit_entries",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("clinic_id", sa.Integer),
        sa.Column("person_id", sa.Integer),
        sa.Column("person_name", sa.String(120), nullable=False),
        sa.Column("address", sa.String(45), nullable=False),
        sa.Column("deed", sa.String(40), nullable=False),
        sa.Column("subject", sa.String(20), nullable=False),
        sa.Column("subject_key", sa.String(40), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    op.create_index("ix_audit_entries_clinic_id_id", "audit_entries", ["clinic_id", "id"])
    op.create_index("ix_audit_entries_clinic_id_subject_key", "audit_entries", ["clinic_id", "subject_key"])
    create_table(
        "audit_head",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("entries", sa.Integer, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )


def _add_clinics_and_failures() -> None:
    create_table(
        "clinics",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(120), nullable=False, unique=True),
        sa.Column("created_at", Moment, nullable=False),
    )
    create_table(
        "failures",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("until", Moment, nullable=False),
    )


def _add_patients() -> None:
    create_table(
        "patients",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("key", sa.String(20), nullable=False, unique=True),
        sa.Column("clinic_id", sa.Integer, sa.ForeignKey("clinics.id"), nullable=False),
        sa.Column("identifier", sa.String(64), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("sex", sa.String(1), nullable=False),
        sa.Column("birth_date", sa.Date),
        sa.Column("created_at", Moment, nullable=False),
        sa.UniqueConstraint("clinic_id", "identifier", name="uq_patients_clinic_id_identifier"),
    )
    op.create_index("ix_patients_clinic_id_created_at", "patients", ["clinic_id", "created_at"])


def _add_users() -> None:
    create_table(
        "users",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("key", sa.String(20), nullable=False, unique=True),
        sa.Column("clinic_id", sa.Integer, sa.ForeignKey("clinics.id"), nullable=False, index=True),
        sa.Column("email", sa.String(255), nullable=False, unique=True),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("approved_at", Moment),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("signed_in_at", Moment),
        sa.Column("language", sa.String(5)),
        sa.Column("password", sa.String(255), nullable=False),
        sa.Column("fs_uniquifier", sa.String(64), nullable=False, unique=True),
        sa.Column("tf_primary_method", sa.String(64)),
        sa.Column("tf_totp_secret", sa.String(255)),
        sa.Column("mf_recovery_codes", sa.Text),
    )


def _add_patient_words() -> None:
    create_table(
        "patient_words",
        sa.Column("clinic_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("word", sa.String(64), primary_key=True),
        sa.Column(
            "patient_id", sa.Integer, sa.ForeignKey("patients.id", ondelete="CASCADE"), primary_key=True, index=True
        ),
    )


def _add_studies() -> None:
    create_table(
        "studies",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("key", sa.String(20), nullable=False, unique=True),
        sa.Column("clinic_id", sa.Integer, sa.ForeignKey("clinics.id"), nullable=False),
        sa.Column("patient_id", sa.Integer, sa.ForeignKey("patients.id"), nullable=False, index=True),
        sa.Column("author_id", sa.Integer, sa.ForeignKey("users.id"), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("unread", sa.Boolean, nullable=False),
        sa.Column("standing", sa.String(10), nullable=False),
        sa.Column("probability", sa.Double, nullable=False),
        sa.Column("conclusion", sa.String(10)),
        sa.Column("pcr", sa.String(10)),
    )
    op.create_index("ix_studies_newest", "studies", ["clinic_id", "unread", "created_at", "id"])
    op.create_index("ix_studies_probable", "studies", ["clinic_id", "unread", "probability", "id"])
    op.create_index("ix_studies_standing_newest", "studies", ["clinic_id", "standing", "unread", "created_at", "id"])
    op.create_index("ix_studies_standing_probable", "studies", ["clinic_id", "standing", "unread", "probability", "id"])
    op.create_index("ix_studies_statistics", "studies", ["clinic_id", "created_at", "standing", "conclusion", "pcr"])


def _add_films() -> None:
    create_table(
        "films",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("key", sa.String(20), nullable=False, unique=True),
        sa.Column("study_id", sa.Integer, sa.ForeignKey("studies.id", ondelete="CASCADE"), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.UniqueConstraint("study_id", "sha256", name="uq_films_study_id_sha256"),
    )


def _add_opinions() -> None:
    create_table(
        "opinions",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("study_id", sa.Integer, sa.ForeignKey("studies.id", ondelete="CASCADE"), nullable=False, index=True),
        sa.Column("author_id", sa.Integer, sa.ForeignKey("users.id"), nullable=False),
        sa.Column("author_name", sa.String(120), nullable=False),
        sa.Column("author_role", sa.String(20), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("agrees", sa.Boolean),
        sa.Column("conclusion", sa.String(10)),
        sa.Column("pcr", sa.String(10)),
        sa.Column("note", sa.Text, nullable=False),
    )


def _add_jobs() -> None:
    create_table(
        "jobs",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("film_id", sa.Integer, sa.ForeignKey("films.id", ondelete="CASCADE"), nullable=False, index=True),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("finished_at", Moment),
        sa.Column("error", sa.String(200), nullable=False),
    )
    op.create_index("ix_jobs_state_id", "jobs", ["state", "id"])


def _add_readings() -> None:
    create_table(
        "readings",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("film_id", sa.Integer, sa.ForeignKey("films.id", ondelete="CASCADE"), nullable=False),
        sa.Column("model", sa.String(60), nullable=False),
        sa.Column("version", sa.String(40), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("probability", sa.Double),
        sa.Column("verdict", sa.String(10)),
        sa.Column("appearance", sa.JSON, nullable=False),
        sa.Column("findings", sa.JSON, nullable=False),
        sa.Column("heat", sa.LargeBinary(length=4096)),
        sa.Column("refusal_code", sa.String(40)),
        sa.Column("refusal_reason", sa.Text),
        sa.UniqueConstraint("film_id", "model", "version", name="uq_readings_film_id_model_version"),
    )
