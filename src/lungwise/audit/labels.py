"""How the audit trail says what was done, and to what: message ids for gettext."""

from __future__ import annotations

from typing import Final

from lungwise.films.refusals import N_

ACTIONS: Final = {
    "added": N_("added"),
    "approved": N_("approved"),
    "changed": N_("changed"),
    "changed password": N_("changed password"),
    "changed role": N_("changed role"),
    "changed second factor": N_("changed second factor"),
    "deleted": N_("deleted"),
    "disabled": N_("disabled"),
    "discarded": N_("discarded"),
    "enabled": N_("enabled"),
    "ended other sessions": N_("ended other sessions"),
    "ended session": N_("ended session"),
    "exported": N_("exported"),
    "failed to confirm password": N_("failed to confirm password"),
    "failed to sign in": N_("failed to sign in"),
    "gave opinion": N_("gave opinion"),
    "had read again": N_("had read again"),
    "invited": N_("invited"),
    "kept aside": N_("kept aside"),
    "made recovery codes": N_("made recovery codes"),
    "made recovery link": N_("made recovery link"),
    "made token": N_("made token"),
    "marked corners": N_("marked the corners of"),
    "merged": N_("merged"),
    "received": N_("received"),
    "registered": N_("registered"),
    "removed second factor": N_("removed second factor"),
    "reset password": N_("reset password"),
    "reset second factor": N_("reset second factor"),
    "revoked token": N_("revoked token"),
    "saw": N_("saw"),
    "sent": N_("sent"),
    "settled": N_("settled"),
    "signed in": N_("signed in"),
    "signed in with a new device": N_("signed in with a new device"),
    "signed out": N_("signed out"),
    "took invitation back": N_("took invitation back"),
    "tried while locked": N_("tried while locked"),
    "took back": N_("took back"),
    "uploaded": N_("uploaded"),
    "used a code twice": N_("used a code twice"),
    "used token": N_("used token"),
    "was registered again": N_("was registered again"),
}
"""What a person did, by the action that is recorded."""
SUBJECTS: Final = {
    "account": N_("account"),
    "audit trail": N_("audit trail"),
    "film": N_("film"),
    "invitation": N_("invitation"),
    "object": N_("object"),
    "patient": N_("patient"),
    "study": N_("study"),
    "token": N_("token"),
    "worklist": N_("worklist"),
}
"""What they did it to."""
