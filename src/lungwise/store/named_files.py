"""Which files of the film store the database names: films, and what is kept beside and aside of them."""

from __future__ import annotations

from sqlalchemy import Table, select
from sqlalchemy.orm import Session

from lungwise.store.database import Base

_OWN_FOLDERS = ("held_films", "other_objects")
"""Tables whose rows have a folder of their own each."""


def named_files(session: Session) -> list[tuple[str, str]]:
    """List the folder and the name of each file that a row names."""
    studies, films = _table("studies"), _table("films")
    queries = [select(studies.c.key, films.c.sha256).join_from(films, studies)]
    queries += [select(_table(name).c.key, _table(name).c.sha256) for name in _OWN_FOLDERS]
    return [(str(folder), str(name)) for query in queries for folder, name in session.execute(query)]


def folders(session: Session, key: str | None = None) -> set[str]:
    """Give the folders that rows name, or only the one of this key."""
    columns = [_table(name).c.key for name in ("studies", *_OWN_FOLDERS)]
    queries = [select(column) if key is None else select(column).where(column == key) for column in columns]
    return {str(folder) for query in queries for folder in session.scalars(query)}


def _table(name: str) -> Table:
    return Base.metadata.tables[name]
