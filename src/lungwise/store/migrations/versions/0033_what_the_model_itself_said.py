"""Readings by a clinic's own calibration keep what the model said before it, by which its drift is watched.

Killed halfway on MySQL or MariaDB, where each change of a table stands by itself, the step goes on where it stood.
"""

from __future__ import annotations

from math import exp, log
from typing import Any

import sqlalchemy as sa
from alembic import op

from lungwise.store.migrations.tables import columns_of

revision = "0033"
down_revision = "0032"
_COVID = "COVID-19"


def upgrade() -> None:
    """Apply the step. Readings by the model's own calibration keep nulls: what they say is what the model said."""
    there = columns_of(sa.inspect(op.get_bind()), "readings")
    for column in (
        sa.Column("model_probability", sa.Double()),
        sa.Column("model_findings", sa.JSON(none_as_null=True)),
    ):
        if column.name not in there:
            op.add_column("readings", column)
    _fill()


def _fill() -> None:
    """Take the clinic's calibration back off the readings that were given by it."""
    readings = sa.table(
        "readings",
        sa.column("id"),
        sa.column("findings", sa.JSON),
        sa.column("thresholds", sa.JSON(none_as_null=True)),
        sa.column("model_probability"),
        sa.column("model_findings", sa.JSON(none_as_null=True)),
    )
    connection = op.get_bind()
    some = readings.c.thresholds.is_not(None) & readings.c.model_probability.is_(None)
    for row in connection.execute(sa.select(readings).where(some)).all():
        own = {one["finding"]: one for one in row.thresholds["findings"]}
        said = {name: _of_model(value, own.get(name)) for name, value in row.findings.items()}
        values = {"model_findings": said, "model_probability": said.get(_COVID)}
        connection.execute(sa.update(readings).where(readings.c.id == row.id).values(values))


def _of_model(probability: float, own: dict[str, Any] | None) -> float:
    if own is None or (own["offset"], own["slope"]) == (0.0, 1.0) or not 0 < probability < 1:
        return probability
    return 1 / (1 + exp(-(log(probability / (1 - probability)) - own["offset"]) / own["slope"]))
