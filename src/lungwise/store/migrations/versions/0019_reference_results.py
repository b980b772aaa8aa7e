"""Reference results with date and reason, in place of an opinion's PCR; conclusions by finding; symptoms and SpO2.

Killed halfway on MySQL or MariaDB, where each change of a table stands by itself, the step goes on where it stood.
"""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from alembic import op
from sqlalchemy.orm import Session

from lungwise.store.database import Moment
from lungwise.store.migrations.batches import batches, commit_batch
from lungwise.store.migrations.tables import columns_of, create_table

revision = "0019"
down_revision = "0018"

_OPINIONS = sa.table(
    "opinions",
    *map(sa.column, ("id", "study_id", "author_id", "author_name", "conclusion", "pcr")),
    sa.column("created_at", Moment()),
)
_RESULTS = sa.table(
    "reference_results",
    *map(sa.column, ("key", "study_id", "kind", "result", "author_id", "author_name")),
    sa.column("created_at", Moment()),
)
_RENAMED = {"positive": "COVID-19", "negative": "no COVID-19"}


def upgrade() -> None:
    """Apply the step, or what a step that was interrupted left."""
    inspector = sa.inspect(op.get_bind())
    if not inspector.has_table("reference_results"):
        _add_results()
    if "clinical" not in columns_of(inspector, "studies"):
        op.add_column("studies", sa.Column("clinical", sa.LargeBinary(), nullable=True))
    if "other" not in columns_of(inspector, "opinions"):
        op.add_column("opinions", sa.Column("other", sa.LargeBinary(), nullable=True))
    for table in ("studies", "opinions"):
        _rename_conclusions(table)
    if "pcr" in columns_of(inspector, "opinions"):
        _move_pcr()
        with op.batch_alter_table("opinions") as opinions:
            opinions.drop_column("pcr")


def _add_results() -> None:
    create_table(
        "reference_results",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("key", sa.String(20), nullable=False, unique=True),
        sa.Column("study_id", sa.Integer, sa.ForeignKey("studies.id", ondelete="CASCADE"), nullable=False, index=True),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("result", sa.String(10), nullable=False),
        sa.Column("tested_on", sa.Date(), nullable=True),
        sa.Column("reason", sa.String(10), nullable=True),
        sa.Column("author_id", sa.Integer, sa.ForeignKey("users.id"), nullable=True),
        sa.Column("author_name", sa.String(120), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
    )


def _rename_conclusions(name: str) -> None:
    with op.batch_alter_table(name) as table:
        table.alter_column("conclusion", existing_type=sa.String(10), type_=sa.String(20), existing_nullable=True)
    conclusions = sa.table(name, sa.column("conclusion"))
    for before, after in _RENAMED.items():
        renamed = sa.update(conclusions).where(conclusions.c.conclusion == before)
        op.execute(renamed.values(conclusion=after))


def _move_pcr() -> None:
    """Make each PCR result of an opinion a reference result whose date and reason nobody knows."""
    session = Session(op.get_bind())
    query = sa.select(_OPINIONS).where(_OPINIONS.c.pcr.is_not(None))
    for rows in batches(session, query):
        session.execute(sa.insert(_RESULTS), [_result(row) for row in rows])
        moved = sa.update(_OPINIONS).where(_OPINIONS.c.id.in_([row.id for row in rows]))
        session.execute(moved.values(pcr=None))
        commit_batch(session)


def _result(row: sa.Row[tuple[object, ...]]) -> dict[str, object]:
    return {
        "key": secrets.token_hex(10),
        "study_id": row.study_id,
        "kind": "pcr",
        "result": row.pcr,
        "author_id": row.author_id,
        "author_name": row.author_name,
        "created_at": row.created_at,
    }
