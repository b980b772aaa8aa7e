"""Which findings a study's headline names: a list of them asks one column, not only the film that leads.

Killed halfway on MySQL or MariaDB, where each change of a table stands by itself, the step goes on where it stood.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.orm import Session

from lungwise.reading.artefact import shipped_card
from lungwise.reading.own_thresholds import stored_thresholds
from lungwise.reading.pattern import pattern_of, raised
from lungwise.reading.reading import Verdict
from lungwise.store.migrations.batches import batches, commit_batch
from lungwise.store.migrations.tables import columns_of, indexes_of

revision = "0052"
down_revision = "0051"

_FINDINGS = ("COVID-19", "other pneumonia", "tuberculosis")
_CONTAGIOUS = {"COVID-19", "tuberculosis"}
_CALLED, _NOT_READ, _LEVELS = 3, 1, 4
_NEED_NO_READING = ("lateral-view", "not-a-chest-film")
_ORDERS = {"newest": "taken_at", "urgent": "urgency", "probable": "probability"}
_STUDIES = sa.table("studies", *map(sa.column, ("id", "standing", "named_findings", "urgency")))
_FILMS = sa.table("films", sa.column("id"), sa.column("study_id"))
_READINGS = sa.table(
    "readings",
    *map(sa.column, ("id", "film_id", "verdict", "refusal_code", "normal_called", "pattern")),
    sa.column("findings", sa.JSON),
    sa.column("raised", sa.JSON(none_as_null=True)),
    sa.column("thresholds", sa.JSON(none_as_null=True)),
)
_UNKNOWN = "-"
"""The value of a study that the step has not come to yet."""


def upgrade() -> None:
    """Apply the step, or what a step that was interrupted left."""
    if "named_findings" not in columns_of(sa.inspect(op.get_bind()), "studies"):
        # With a value that is filled afterwards: SQLite would otherwise copy the table.
        column = sa.Column("named_findings", sa.String(80), nullable=False, server_default=_UNKNOWN)
        op.add_column("studies", column)
    _drop_old_indexes()
    _fill()
    _add_indexes()


def _fill() -> None:
    session = Session(op.get_bind())
    columns = (_STUDIES.c.id, _STUDIES.c.standing, _STUDIES.c.urgency)
    change = (
        sa.update(_STUDIES)
        .where(_STUDIES.c.id == sa.bindparam("study"))
        .values(named_findings=sa.bindparam("named"), urgency=sa.bindparam("how_urgent"))
    )
    for rows in batches(session, sa.select(*columns).where(_STUDIES.c.named_findings == _UNKNOWN)):
        studies = [row.id for row in rows]
        named, incomplete = _named(session, studies), _incomplete(session, studies)
        values = [_values(row, named[row.id], is_incomplete=row.id in incomplete) for row in rows]
        session.connection().execute(change, values)
        commit_batch(session)


def _values(row: sa.Row[Any], named: set[str], *, is_incomplete: bool) -> dict[str, Any]:
    urgency, least = float(row.urgency), 0
    if row.standing in set(Verdict):
        least = _CALLED if named & _CONTAGIOUS else _NOT_READ if is_incomplete else 0
    urgency += max(0, least - int(urgency) % _LEVELS)
    stored = "|".join(name for name in _FINDINGS if name in named)
    return {"study": row.id, "named": stored, "how_urgent": urgency}


def _incomplete(session: Session, studies: list[int]) -> set[int]:
    """Return the studies with a film that no answer covers: of a study with a verdict, one that could not be read."""
    code = _READINGS.c.refusal_code
    query = sa.select(_FILMS.c.study_id).select_from(_FILMS).outerjoin(_READINGS, _READINGS.c.id == _newest())
    query = query.where(_FILMS.c.study_id.in_(studies), _READINGS.c.verdict.is_(None))
    return set(session.scalars(query.where(sa.or_(code.is_(None), code.not_in(_NEED_NO_READING)))))


def _newest() -> sa.ScalarSelect[Any]:
    every = _READINGS.alias()
    return sa.select(sa.func.max(every.c.id)).where(every.c.film_id == _FILMS.c.id).scalar_subquery()


def _named(session: Session, studies: list[int]) -> defaultdict[int, set[str]]:
    """Return what the newest readings of the films name, by study."""
    names = ("verdict", "normal_called", "pattern", "findings", "raised", "thresholds")
    query = sa.select(_FILMS.c.study_id, *(_READINGS.c[name] for name in names)).select_from(_FILMS)
    query = query.join(_READINGS, _READINGS.c.id == _newest())
    found = defaultdict[int, set[str]](set)
    for row in session.execute(query.where(_FILMS.c.study_id.in_(studies), _READINGS.c.verdict.is_not(None))):
        found[row.study_id].update(_named_by(row))
    return found


def _named_by(row: sa.Row[Any]) -> Iterator[str]:
    """Name what a film shows or may show: what it raised, and its pattern, by today's rule where it keeps neither."""
    card, verdict = shipped_card().finding_thresholds, Verdict(row.verdict)
    own = stored_thresholds(row.thresholds)
    limits = own.limits(card) if own else card
    yield from raised(row.findings, verdict, limits) if row.raised is None else row.raised
    if verdict != Verdict.NEGATIVE:
        yield "COVID-19"
    yield (row.pattern if row.normal_called is not None else pattern_of(row.findings, verdict, card)) or ""


def _drop_old_indexes() -> None:
    """Drop the indexes by the pattern, while the rows are changed; a server's foreign keys are never without one."""
    there = indexes_of(sa.inspect(op.get_bind()), "studies")
    if "ix_studies_named_findings_newest" in there:  # the last of the new ones is made last
        return
    if "ix_studies_meanwhile" not in there:
        op.create_index("ix_studies_meanwhile", "studies", ["author_id"])
    for name in ("ix_studies_author_newest", *(f"ix_studies_pattern_{order}" for order in _ORDERS)):
        if name in there:
            op.drop_index(name, "studies")


def _add_indexes() -> None:
    there = indexes_of(sa.inspect(op.get_bind()), "studies")
    for name, columns in _indexes():
        if name not in there:
            op.create_index(name, "studies", columns)
    if "ix_studies_meanwhile" in there:
        op.drop_index("ix_studies_meanwhile", "studies")


def _indexes() -> Iterator[tuple[str, list[str]]]:
    filters = ["standing", "named_findings", "patient_id"]
    yield "ix_studies_author_newest", ["author_id", "unread", "taken_at", "id", *filters]
    for order, column in reversed(_ORDERS.items()):
        taken = [] if column == "taken_at" else ["taken_at"]
        first = ["clinic_id", "named_findings", "unread", column, "id"]
        yield f"ix_studies_named_findings_{order}", [*first, *taken, "standing", "patient_id"]
