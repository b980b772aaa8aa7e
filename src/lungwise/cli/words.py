"""The reader's language on the command line."""

from __future__ import annotations

import gettext
from importlib import resources

from lungwise.films.refusals import Words


def words_of(language: str) -> Words:
    """Return the function that translates sentences of the pages outside of a request."""
    folder = resources.files("lungwise") / "translations"
    return gettext.translation("messages", str(folder), [language], fallback=True).gettext
