"""Reading files from the store."""

from __future__ import annotations

import logging

from lungwise.errors import Unavailable
from lungwise.store import FilmStore

_log = logging.getLogger("lungwise.studies")


def not_fetched() -> Unavailable:
    """Return what is said where the store does not give a file."""
    return Unavailable("This film cannot be fetched from the film storage right now. Please try again.")


def fetched(store: FilmStore, folder: str, name: str) -> bytes:
    """Return the bytes of a file of the store.

    Raises
    ------
    Unavailable
        If the store does not give them.
    """
    try:
        return store.get(folder, name)
    except OSError as error:
        _log.exception("A file cannot be fetched from the store.")
        raise not_fetched() from error
