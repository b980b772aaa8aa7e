"""What a search by DICOM header asks is in the database: attributes, accession numbers, days of studies, series."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from lungwise.store.migrations.tables import columns_of, create_table, indexes_of

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    """Apply the step, or what a step that was interrupted left. Earlier films are indexed in the background."""
    inspector = sa.inspect(op.get_bind())
    present = columns_of(inspector, "films")
    if "accession_index" not in present:
        op.add_column("films", sa.Column("accession_index", sa.String(40), nullable=True))
    if "study_date" not in present:
        op.add_column("films", sa.Column("study_date", sa.Date(), nullable=True))
    for name in ("accession_index", "study_date", "series_uid"):
        if f"ix_films_{name}" not in indexes_of(inspector, "films"):
            op.create_index(f"ix_films_{name}", "films", [name])
    if "film_attributes" not in inspector.get_table_names():
        create_table(
            "film_attributes",
            sa.Column(
                "film_id",
                sa.Integer,
                sa.ForeignKey("films.id", ondelete="CASCADE"),
                primary_key=True,
                autoincrement=False,
            ),
            sa.Column("film_key", sa.String(20), nullable=False),
            sa.Column("attributes", sa.LargeBinary, nullable=False),
        )
