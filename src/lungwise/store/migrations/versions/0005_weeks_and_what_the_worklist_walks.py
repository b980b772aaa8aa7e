"""The week of a study, indexes that hold all that the worklist filters by, and the request that a job serves."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_MONDAY = {
    "sqlite": "DATE(created_at, 'weekday 0', '-6 days')",
    "mysql": "DATE_SUB(DATE(created_at), INTERVAL WEEKDAY(created_at) DAY)",
}
_INDEXES = {
    "ix_studies_newest": ["clinic_id", "unread", "created_at", "id", "patient_id"],
    "ix_studies_probable": ["clinic_id", "unread", "probability", "id", "created_at", "patient_id"],
    "ix_studies_standing_newest": ["clinic_id", "standing", "unread", "created_at", "id", "patient_id"],
    "ix_studies_standing_probable": [
        *("clinic_id", "standing", "unread", "probability", "id", "created_at", "patient_id")
    ],
    "ix_studies_statistics": ["clinic_id", "week", "standing", "conclusion", "pcr"],
}


def upgrade() -> None:
    """Apply the step."""
    # Added with a value and filled afterwards: SQLite would otherwise copy the table, and lose what hangs on its rows.
    op.add_column("studies", sa.Column("week", sa.Date(), nullable=False, server_default="1970-01-05"))
    op.execute(f"UPDATE studies SET week = {_MONDAY[op.get_bind().dialect.name]}")  # noqa: S608 - our own words
    op.create_index("ix_studies_meanwhile", "studies", ["clinic_id"])  # MariaDB's foreign key is never without one
    for name, columns in _INDEXES.items():
        op.drop_index(name, "studies")
        op.create_index(name, "studies", columns)
    op.drop_index("ix_studies_meanwhile", "studies")
    op.add_column("jobs", sa.Column("request_id", sa.String(length=64), nullable=False, server_default=""))
