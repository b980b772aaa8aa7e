"""Which files of the film store the database names: films, held films, earlier films and other objects."""

from __future__ import annotations

from sqlalchemy import Table, select
from sqlalchemy.orm import Session

from lungwise.store.database import Base

_OWN_FOLDERS = ("held_films", "other_objects", "prior_films")
"""Tables of which each row has its own folder."""


def named_files(session: Session, clinic_id: int | None = None) -> list[tuple[str, str]]:
    """List the folder and the name of each file that a row names, of every clinic or of one."""
    studies, films = table_of("studies"), table_of("films")
    queries = [select(studies.c.key, films.c.sha256).join_from(films, studies)]
    queries += [select(table_of(name).c.key, table_of(name).c.sha256) for name in _OWN_FOLDERS]
    if clinic_id is not None:
        owners = [table_of(name) for name in ("studies", *_OWN_FOLDERS)]
        queries = [query.where(owner.c.clinic_id == clinic_id) for query, owner in zip(queries, owners, strict=True)]
    return [(str(folder), str(name)) for query in queries for folder, name in session.execute(query)]


def is_named(session: Session, folder: str, name: str) -> bool:
    """Return whether a row names a file."""
    studies, films = table_of("studies"), table_of("films")
    queries = [select(films.c.sha256).join_from(films, studies).where(studies.c.key == folder)]
    for own in map(table_of, _OWN_FOLDERS):
        queries.append(select(own.c.sha256).where(own.c.key == folder))
    return any(name in session.scalars(query) for query in queries)


def folders(session: Session, key: str | None = None) -> set[str]:
    """Return the folders that rows name, or only the one of this key."""
    columns = [table_of(name).c.key for name in ("studies", *_OWN_FOLDERS)]
    queries = [select(column) if key is None else select(column).where(column == key) for column in columns]
    return {str(folder) for query in queries for folder in session.scalars(query)}


def table_of(name: str) -> Table:
    """Return a table by its name: the store does not import its nouns."""
    return Base.metadata.tables[name]
