"""Steps that change many rows commit batch by batch, so that a killed one resumes where it was."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

_BATCH_SIZE = 500


def batches(session: Session, query: sa.Select[Any]) -> Iterator[list[sa.Row[Any]]]:
    """Walk over rows by id, so that the walk may change the rows that it passes."""
    number, last = query.selected_columns["id"], 0
    while rows := list(session.execute(query.where(number > last).order_by(number).limit(_BATCH_SIZE))):
        yield rows
        last = rows[-1].id


def commit_batch(session: Session) -> None:
    """Commit within a step, past SQLAlchemy, which has one transaction around all steps."""
    connection = session.connection()
    connection.exec_driver_sql("COMMIT")
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # a server begins the next transaction by itself
