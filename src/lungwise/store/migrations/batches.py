"""Steps that change many rows keep what they have done, batch by batch, so that a killed one goes on where it stood."""

from __future__ import annotations

from sqlalchemy.orm import Session


def keep_what_is_done(session: Session) -> None:
    """Commit within a step, past SQLAlchemy, which has one transaction around all steps."""
    connection = session.connection()
    connection.exec_driver_sql("COMMIT")
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # a server begins the next transaction by itself
