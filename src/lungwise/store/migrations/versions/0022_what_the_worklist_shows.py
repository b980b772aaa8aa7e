"""When films were taken, which pattern a study has, how urgent it is, and films as very small pictures.

Killed halfway on MySQL or MariaDB, where each change of a table stands by itself, the step goes on where it stood.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from operator import itemgetter
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.orm import Session

from lungwise.reading.artefact import shipped_card
from lungwise.reading.pattern import pattern_of
from lungwise.reading.reading import Verdict
from lungwise.store.database import Moment
from lungwise.store.migrations.batches import batches, commit_batch
from lungwise.store.migrations.tables import columns_of, create_table, indexes_of

revision = "0022"
down_revision = "0021"

_OLD = ("ix_studies_newest", "ix_studies_probable", "ix_studies_standing_newest", "ix_studies_standing_probable")
_ORDERS = {"newest": "taken_at", "urgent": "urgency", "probable": "probability"}
_STUDIES = sa.table(
    "studies",
    *map(sa.column, ("id", "standing", "probability", "pattern", "urgency")),
    sa.column("created_at", Moment()),
    sa.column("taken_at", Moment()),
)
_FILMS = sa.table("films", sa.column("id"), sa.column("study_id"))
_READINGS = sa.table("readings", *map(sa.column, ("id", "film_id", "verdict", "normal_called", "pattern", "findings")))
_UNKNOWN = "-"
"""The pattern of a study that the step has not come to yet."""


def upgrade() -> None:
    """Apply the step, or what a step that was interrupted left."""
    inspector = sa.inspect(op.get_bind())
    if not inspector.has_table("thumbnails"):
        _add_thumbnails()
    _widen_studies(columns_of(inspector, "studies"))
    _fill_studies()
    _index_studies()


def _add_thumbnails() -> None:
    create_table(
        "thumbnails",
        sa.Column(
            "film_id", sa.Integer, sa.ForeignKey("films.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
        ),
        sa.Column("film_key", sa.String(20), nullable=False),
        sa.Column("picture", sa.LargeBinary(), nullable=False),
    )


def _widen_studies(there: set[str]) -> None:
    # Added with a value and filled afterwards: SQLite would otherwise copy the table, and lose what hangs on its rows.
    if "taken_at" not in there:
        op.add_column("studies", sa.Column("taken_at", Moment, nullable=False, server_default="1970-01-01 00:00:00"))
    if "pattern" not in there:
        op.add_column("studies", sa.Column("pattern", sa.String(40), nullable=False, server_default=_UNKNOWN))
    if "urgency" not in there:
        op.add_column("studies", sa.Column("urgency", sa.Double, nullable=False, server_default="0"))


def _fill_studies() -> None:
    """Take the upload for the moment when films were taken, which nobody kept, and the pattern from the readings."""
    session = Session(op.get_bind())
    columns = (_STUDIES.c.id, _STUDIES.c.standing, _STUDIES.c.probability)
    for rows in batches(session, sa.select(*columns).where(_STUDIES.c.pattern == _UNKNOWN)):
        patterns = dict(_patterns(session, [row.id for row in rows]))
        for row in rows:
            pattern = patterns.get(row.id, "")
            values = {"taken_at": _STUDIES.c.created_at, "pattern": pattern, "urgency": _urgency(row, pattern)}
            session.execute(sa.update(_STUDIES).where(_STUDIES.c.id == row.id).values(values))
        commit_batch(session)


def _patterns(session: Session, studies: list[int]) -> Iterator[tuple[int, str]]:
    """Say of each study what it looks like: the film that leads its headline comes last."""
    every = _READINGS.alias()
    newest = sa.select(sa.func.max(every.c.id)).where(every.c.film_id == _FILMS.c.id).scalar_subquery()
    columns = (_FILMS.c.study_id, *(_READINGS.c[name] for name in ("verdict", "normal_called", "pattern", "findings")))
    query = sa.select(*columns).select_from(_FILMS).join(_READINGS, _READINGS.c.id == newest)
    wanted = query.where(_FILMS.c.study_id.in_(studies), _READINGS.c.verdict.is_not(None))
    found = ((row.study_id, *_pattern(row)) for row in session.execute(wanted))
    for study, _probability, pattern in sorted(found, key=itemgetter(1)):
        yield study, pattern


def _pattern(row: sa.Row[Any]) -> tuple[float, str]:
    """Return how much a film's pattern counts among those of its study, and the pattern: empty of a normal film."""
    findings = json.loads(row.findings) if isinstance(row.findings, str | bytes) else row.findings or {}
    if row.verdict == "positive":
        return 2.0, "COVID-19"
    pattern = row.pattern
    if row.normal_called is None:  # a reading of an earlier release, of which the pages say the same
        pattern = pattern_of(findings, Verdict(row.verdict), shipped_card().finding_thresholds)
    return float(findings.get(pattern, 0.0)) if pattern else -1.0, pattern or ""


def _urgency(row: sa.Row[Any], pattern: str) -> float:
    if row.standing == "waiting":
        return 0.0
    if row.standing == "refused":
        return 1.0
    called = row.standing == "positive" or pattern in ("COVID-19", "tuberculosis")
    level = 3 if called else 2 if pattern or row.standing != "negative" else 0
    return level + min(float(row.probability), 0.999)


def _index_studies() -> None:
    there = indexes_of(sa.inspect(op.get_bind()), "studies")
    if "ix_studies_meanwhile" not in there:  # MariaDB's foreign key is never without one
        op.create_index("ix_studies_meanwhile", "studies", ["clinic_id"])
    if "ix_studies_pattern_newest" not in there:  # the last of the new ones is made last
        for name in _OLD:
            if name in there:
                op.drop_index(name, "studies")
    there = indexes_of(sa.inspect(op.get_bind()), "studies")
    for name, columns in _indexes():
        if name not in there:
            op.create_index(name, "studies", columns)
    op.drop_index("ix_studies_meanwhile", "studies")


def _indexes() -> Iterator[tuple[str, list[str]]]:
    filters = ["standing", "pattern", "patient_id"]
    yield "ix_studies_author_newest", ["author_id", "unread", "taken_at", "id", *filters]
    for only, beside in {"": [], "standing": [], "pattern": ["standing"]}.items():
        for order, column in reversed(_ORDERS.items()):
            taken = [] if column == "taken_at" else ["taken_at"]
            name = "_".join(filter(None, ("ix_studies", only, order)))
            first = ["clinic_id", *filter(None, (only,)), "unread", column, "id"]
            yield name, [*first, *taken, *beside, "patient_id"]
