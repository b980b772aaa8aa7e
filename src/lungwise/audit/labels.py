"""What the audit trail calls actions and subjects: message ids for gettext."""

from __future__ import annotations

from typing import Final

from lungwise.audit.actions import Action, Subject
from lungwise.films.refusals import N_

ACTIONS: Final = {
    Action.ACKNOWLEDGED: N_("acknowledged"),
    Action.ADDED: N_("added"),
    Action.APPROVED: N_("approved"),
    Action.ARCHIVED: N_("archived"),
    Action.CHANGED: N_("changed"),
    Action.CHANGED_PASSWORD: N_("changed password"),
    Action.CHANGED_ROLE: N_("changed role"),
    Action.CHANGED_SECOND_FACTOR: N_("changed second factor"),
    Action.DELETED: N_("deleted"),
    Action.DISABLED: N_("disabled"),
    Action.DISCARDED: N_("discarded"),
    Action.ENABLED: N_("enabled"),
    Action.ENDED_OTHER_SESSIONS: N_("ended other sessions"),
    Action.ENDED_SESSION: N_("ended a session"),
    Action.ENTERED_RESULT: N_("entered a test result"),
    Action.EXPORTED: N_("exported"),
    Action.FAILED_TO_CONFIRM_PASSWORD: N_("failed to confirm password"),
    Action.FAILED_TO_SIGN_IN: N_("failed to sign in"),
    Action.GAVE_OPINION: N_("gave an opinion"),
    Action.HAD_READ_AGAIN: N_("had it read again"),
    Action.INVITED: N_("invited"),
    Action.KEPT_ASIDE: N_("set aside"),
    Action.MADE_RECOVERY_CODES: N_("created recovery codes"),
    Action.MADE_RECOVERY_LINK: N_("created a recovery link"),
    Action.MADE_TOKEN: N_("created a token"),
    Action.MARKED_CORNERS: N_("marked corners"),
    Action.MERGED: N_("merged"),
    Action.PROPOSED: N_("proposed"),
    Action.RECEIVED: N_("received"),
    Action.REGISTERED: N_("registered"),
    Action.REJECTED: N_("rejected"),
    Action.REMOVED_BY_AGE: N_("removed old studies"),
    Action.REMOVED_SECOND_FACTOR: N_("turned off own second factor"),
    Action.RESET_PASSWORD: N_("reset password"),
    Action.RESET_SECOND_FACTOR: N_("turned off second factor"),
    Action.REVOKED_TOKEN: N_("revoked a token"),
    Action.SAW: N_("viewed"),
    Action.SENT: N_("sent"),
    Action.SETTLED: N_("settled identity"),
    Action.SIGNED_IN: N_("signed in"),
    Action.SIGNED_IN_WITH_A_NEW_DEVICE: N_("signed in on a new device"),
    Action.SIGNED_OUT: N_("signed out"),
    Action.TOOK_INVITATION_BACK: N_("withdrew an invitation"),
    Action.TOOK_RESULT_BACK: N_("withdrew a test result"),
    Action.TRIED_WHILE_LOCKED: N_("tried while locked"),
    Action.TOOK_BACK: N_("undid"),
    Action.UPLOADED: N_("uploaded"),
    Action.USED_A_CODE_TWICE: N_("used a code twice"),
    Action.USED_TOKEN: N_("used a token"),
    Action.WAS_REGISTERED_AGAIN: N_("tried to register again"),
    Action.WENT_BACK: N_("went back to"),
}
"""What a person did, by the action that is recorded."""
SUBJECTS: Final = {
    Subject.ACCOUNT: N_("account"),
    Subject.ALARM: N_("alarm"),
    Subject.AUDIT_TRAIL: N_("audit trail"),
    Subject.CLINIC: N_("clinic"),
    Subject.FILM: N_("film"),
    Subject.INVITATION: N_("invitation"),
    Subject.MODEL: N_("model"),
    Subject.OBJECT: N_("object"),
    Subject.PATIENT: N_("patient"),
    Subject.STUDY: N_("study"),
    Subject.THRESHOLDS: N_("thresholds"),
    Subject.TOKEN: N_("token"),
    Subject.WORKLIST: N_("worklist"),
}
"""What they did it to."""
