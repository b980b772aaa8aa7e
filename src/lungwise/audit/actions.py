"""What the audit trail records: actions, and the kinds of thing they were done to.

The values are stored, and signed with their entries: they never change. What people read stands in `labels`.
"""

from __future__ import annotations

from enum import StrEnum


class Action(StrEnum):
    """What somebody did."""

    ACKNOWLEDGED = "acknowledged"
    ADDED = "added"
    APPROVED = "approved"
    CHANGED = "changed"
    CHANGED_PASSWORD = "changed password"
    CHANGED_ROLE = "changed role"
    CHANGED_SECOND_FACTOR = "changed second factor"
    DELETED = "deleted"
    DISABLED = "disabled"
    DISCARDED = "discarded"
    ENABLED = "enabled"
    ENDED_OTHER_SESSIONS = "ended other sessions"
    ENDED_SESSION = "ended session"
    ENTERED_RESULT = "entered result"
    EXPORTED = "exported"
    FAILED_TO_CONFIRM_PASSWORD = "failed to confirm password"
    FAILED_TO_SIGN_IN = "failed to sign in"
    GAVE_OPINION = "gave opinion"
    HAD_READ_AGAIN = "had read again"
    INVITED = "invited"
    KEPT_ASIDE = "kept aside"
    MADE_RECOVERY_CODES = "made recovery codes"
    MADE_RECOVERY_LINK = "made recovery link"
    MADE_TOKEN = "made token"
    MARKED_CORNERS = "marked corners"
    MERGED = "merged"
    RECEIVED = "received"
    REGISTERED = "registered"
    REMOVED_SECOND_FACTOR = "removed second factor"
    RESET_PASSWORD = "reset password"
    RESET_SECOND_FACTOR = "reset second factor"
    REVOKED_TOKEN = "revoked token"
    SAW = "saw"
    SENT = "sent"
    SETTLED = "settled"
    SIGNED_IN = "signed in"
    SIGNED_IN_WITH_A_NEW_DEVICE = "signed in with a new device"
    SIGNED_OUT = "signed out"
    TOOK_INVITATION_BACK = "took invitation back"
    TOOK_RESULT_BACK = "took result back"
    TRIED_WHILE_LOCKED = "tried while locked"
    TOOK_BACK = "took back"
    UPLOADED = "uploaded"
    USED_A_CODE_TWICE = "used a code twice"
    USED_TOKEN = "used token"
    WAS_REGISTERED_AGAIN = "was registered again"


class Subject(StrEnum):
    """What they did it to."""

    ACCOUNT = "account"
    ALARM = "alarm"
    AUDIT_TRAIL = "audit trail"
    CLINIC = "clinic"
    FILM = "film"
    INVITATION = "invitation"
    MODEL = "model"
    OBJECT = "object"
    PATIENT = "patient"
    STUDY = "study"
    TOKEN = "token"
    WORKLIST = "worklist"
