"""How what is known of a patient is called: message ids for gettext."""

from __future__ import annotations

from typing import Final

from lungwise.films.refusals import N_

SEXES: Final = {"F": N_("Female"), "M": N_("Male"), "O": N_("Other"), "": N_("Not known")}
