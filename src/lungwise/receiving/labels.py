"""How an upload's files that are not new films are reported: message ids for gettext."""

from __future__ import annotations

from typing import Final

from lungwise.films.refusals import N_
from lungwise.receiving.other_files import SkipReason

REASONS: Final = {
    SkipReason.NOT_A_FILM: N_("This is not a film."),
    SkipReason.TOO_LARGE: N_("This file is too large for a film."),
    SkipReason.DAMAGED: N_("This file is damaged in its ZIP, or has a password."),
    SkipReason.OWN_RESULT: N_("This is a result of Lungwise, not a film."),
    SkipReason.ALREADY_HERE: N_("This film is already here."),
    SkipReason.KEPT_ASIDE: N_(
        "The clinic already has a film with this SOP Instance UID. This one is set aside for an administrator."
    ),
}
"""Of one file."""
COUNTED: Final = {
    SkipReason.NOT_A_FILM: N_("Not films: %(names)s."),
    SkipReason.TOO_LARGE: N_("Too large for films: %(names)s."),
    SkipReason.DAMAGED: N_("Damaged, or with a password: %(names)s."),
    SkipReason.OWN_RESULT: N_("Results of Lungwise, not films: %(names)s."),
    SkipReason.ALREADY_HERE: N_("Already here: %(names)s."),
    SkipReason.KEPT_ASIDE: N_(
        "Set aside for an administrator, because another film has the same SOP Instance UID: %(names)s."
    ),
}
"""Of several files, by their names."""
