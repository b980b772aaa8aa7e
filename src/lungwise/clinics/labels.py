"""How the ways to an account are called: message ids for gettext."""

from __future__ import annotations

from typing import Final

from lungwise.films.refusals import N_
from lungwise.settings import Registration

REGISTRATIONS: Final = {
    Registration.APPROVED: N_("Anyone may ask; an administrator approves"),
    Registration.INVITATION: N_("Only those who are invited"),
    Registration.OPEN: N_("Anyone who reaches this address"),
}
