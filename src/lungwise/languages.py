"""The languages of the pages and of the command line. A new one needs its line here and its file of translations."""

from __future__ import annotations

import gettext
from collections.abc import Callable
from importlib import resources
from typing import Final

LANGUAGES: Final = {"en": "English", "es": "Español", "fr": "Français", "hi": "हिन्दी"}
"""Each with its own name; the translations lie in `translations/LANGUAGE/LC_MESSAGES/messages.po`."""
TRANSLATIONS: Final = str(resources.files("lungwise") / "translations")


def words_of(language: str) -> Callable[[str], str]:
    """Return the function that translates sentences into a language outside of a request."""
    return gettext.translation("messages", TRANSLATIONS, [language], fallback=True).gettext
