"""The audit trail of what a request that only reads did: written once the request has succeeded."""

from __future__ import annotations

from sqlalchemy.exc import DatabaseError

from lungwise.access import Person
from lungwise.audit.actions import Action, Subject
from lungwise.audit.service import AuditTrail
from lungwise.store import Fault, fault_of
from lungwise.webkit.current_person import person
from lungwise.webkit.request_services import RequestServices

trail = RequestServices[AuditTrail]("audit trail")


def audit_after_response(action: Action, subject: Subject, key: str) -> None:
    """Record what the person did, in a transaction of its own: a page that reads takes no lock."""
    who = person()
    trail.after_response(lambda later: later.record(who, action, subject, key))


def audit_sight_after_response(subject: Subject, key: str, *within: str) -> None:
    """Record that the person saw a thing, unless the trail has it already, of it or of what it is shown within.

    A page with many pictures makes one entry, and writes nothing where there is one.
    """
    who = person()
    if not _has_seen(who, [key, *within]):
        trail.after_response(lambda later: later.record_unless_seen(who, subject, key, within))


def _has_seen(who: Person, keys: list[str]) -> bool:
    """Ask the trail, unless it is damaged: what can be read is still shown, and recorded once the trail takes it."""
    try:
        return trail().has_seen(who, keys)
    except DatabaseError as error:
        if fault_of(error) is not Fault.DAMAGED:
            raise
        return False


def audit_search_after_response(action: Action, subject: Subject, words: str) -> None:
    """Record what the person did with words of a patient, if there are any; the trail does not keep the words."""
    if words.strip():
        who = person()
        trail.after_response(lambda later: later.record_words(who, action, subject, words))
