"""Whether a study's conclusion agreed with the verdict that stood then, beside the study, where statistics count it.

Killed halfway on MySQL or MariaDB, where each change of a table stands by itself, the step goes on where it stood.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from lungwise.store.migrations.tables import columns_of

revision = "0053"
down_revision = "0052"

_INDEX = "ix_studies_statistics"
_COLUMNS = ["clinic_id", "week", "standing", "agreed"]
_FILL = """
UPDATE studies SET agreed = (
  SELECT CASE MAX(CASE readings.verdict WHEN 'positive' THEN 3 WHEN 'uncertain' THEN 2 WHEN 'negative' THEN 1 END)
    WHEN 3 THEN studies.conclusion = 'COVID-19' WHEN 1 THEN studies.conclusion <> 'COVID-19' END
  FROM opinions JOIN films ON films.study_id = opinions.study_id JOIN readings ON readings.film_id = films.id
  WHERE opinions.id = (
    SELECT MAX(said.id) FROM opinions AS said WHERE said.study_id = studies.id AND said.conclusion IS NOT NULL
  ) AND readings.id = (
    SELECT MAX(made.id) FROM readings AS made WHERE made.film_id = films.id AND made.created_at <= opinions.created_at
  )
) WHERE conclusion IS NOT NULL AND conclusion <> 'uncertain'
"""
"""By the gravest verdict of the films, each by its newest reading at the time of the study's newest conclusion."""


def upgrade() -> None:
    """Apply the step, or what a step that was interrupted left."""
    inspector = sa.inspect(op.get_bind())
    if "agreed" not in columns_of(inspector, "studies"):
        op.add_column("studies", sa.Column("agreed", sa.Boolean(create_constraint=False), nullable=True))
    op.execute(_FILL)
    there = {index["name"]: index["column_names"] for index in inspector.get_indexes("studies")}
    if there.get(_INDEX) != _COLUMNS:
        if _INDEX in there:
            op.drop_index(_INDEX, "studies")
        op.create_index(_INDEX, "studies", _COLUMNS)
