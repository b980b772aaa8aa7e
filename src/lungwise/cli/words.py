"""The reader's language on the command line."""

from __future__ import annotations

import gettext
from importlib import resources

from lungwise.films.refusals import Words


def words_of(language: str) -> Words:
    """Give what translates the sentences of the pages, outside of any request."""
    folder = resources.files("lungwise") / "translations"
    return gettext.translation("messages", str(folder), [language], fallback=True).gettext
