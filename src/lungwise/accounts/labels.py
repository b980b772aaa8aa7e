"""How roles and the scopes of tokens are called: message ids for gettext."""

from __future__ import annotations

from typing import Final

from lungwise.films.refusals import N_

ROLES: Final = {
    "doctor": N_("Doctor"),
    "radiologist": N_("Radiologist"),
    "administrator": N_("Administrator"),
    "health_worker": N_("Health worker (uploads only)"),
}
SCOPES: Final = {
    "see": N_("see studies and patients"),
    "upload": N_("upload films"),
    "conclude": N_("give opinions"),
    "export": N_("export reports and films"),
    "delete": N_("delete studies and patients for good"),
}
