"""Results are sent study by study, and again when somebody changes what they say."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from alembic import op

from lungwise.store.database import Moment
from lungwise.store.migrations.tables import columns_of, create_table

revision = "0028"
down_revision = "0027"

_COLUMNS = ("state", "attempts", "accepted", "created_at", "due_at", "error")
_OLD = sa.table(
    "dispatches",
    *map(sa.column, ("reading_id", "destination", "state", "attempts", "error")),
    sa.column("accepted", sa.JSON),
    sa.column("created_at", Moment),
    sa.column("due_at", Moment),
)
_READINGS = sa.table("readings", sa.column("id"), sa.column("film_id"))
_FILMS = sa.table("films", sa.column("id"), sa.column("study_id"))
_NEW = sa.table(
    "study_dispatches",
    *map(sa.column, ("study_id", "destination", "state", "claim", "attempts", "error")),
    sa.column("accepted", sa.JSON),
    sa.column("created_at", Moment),
    sa.column("due_at", Moment),
)


def upgrade() -> None:
    """Apply the step, or what a step that was interrupted left. What the films of a study had becomes the study's."""
    inspector = sa.inspect(op.get_bind())
    if "changed_at" not in columns_of(inspector, "studies"):
        op.add_column("studies", sa.Column("changed_at", Moment, nullable=True))
    tables = set(inspector.get_table_names())
    if "dispatches" in tables:
        if "study_dispatches" in tables:
            op.drop_table("study_dispatches")
        _create()
        _copy()
        op.drop_table("dispatches")


def _create() -> None:
    create_table(
        "study_dispatches",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("study_id", sa.Integer, sa.ForeignKey("studies.id", ondelete="CASCADE"), nullable=False),
        sa.Column("destination", sa.String(100), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("claim", sa.String(20), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("accepted", sa.JSON, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("due_at", Moment, nullable=False),
        sa.Column("error", sa.String(200), nullable=False),
        sa.UniqueConstraint("study_id", "destination", name="uq_study_dispatches_study_id_destination"),
    )
    op.create_index("ix_study_dispatches_state_due_at", "study_dispatches", ["state", "due_at"])


def _copy() -> None:
    of_study = _OLD.join(_READINGS, _READINGS.c.id == _OLD.c.reading_id).join(
        _FILMS, _FILMS.c.id == _READINGS.c.film_id
    )
    columns = [_FILMS.c.study_id, _OLD.c.destination, *(_OLD.c[name] for name in _COLUMNS)]
    rows = op.get_bind().execute(sa.select(*columns).select_from(of_study)).mappings()
    groups: dict[tuple[int, str], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["study_id"], row["destination"]), []).append(dict(row))
    if groups:
        op.bulk_insert(_NEW, [_joined(group) for group in groups.values()])


def _joined(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Make one row of those of a study's films: sent where all were sent, else queued again."""
    accepted = sorted({uid for row in rows for uid in row["accepted"]})
    newest = max(rows, key=_due_at)
    return {**newest, "claim": "", "accepted": accepted, "state": _state_of(row["state"] for row in rows)}


def _due_at(row: dict[str, Any]) -> Any:  # noqa: ANN401 - a moment, which compares with others
    return row["due_at"]


def _state_of(states: Iterable[str]) -> str:
    found = set(states)
    if found == {"sent"}:
        return "sent"
    return "failed" if found <= {"sent", "failed"} else "queued"
