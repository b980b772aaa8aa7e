"""An entry of the audit trail as an audit message of DICOM PS3.15 A.5, which IHE's ATNA profile sends by syslog.

It has no name, no identifier of a patient and no word of a search: a node and what is searched for are named by a keyed
hash, people by the number of their account, and things by their random keys.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, tostring

from lungwise.audit.actions import Action, Subject
from lungwise.audit.models import AuditEntry

_DCM = "DCM"
_SUCCESS, _MINOR, _SERIOUS = "0", "4", "8"
_RECORDS = {Subject.PATIENT: ("110110", "Patient Record"), Subject.AUDIT_TRAIL: ("110101", "Audit Log Used")}
_INSTANCES = ("110103", "DICOM Instances Accessed")
_ACTIVITY = ("110100", "Application Activity")
_AUTHENTICATION = ("110114", "User Authentication")
_ALERT = ("110113", "Security Alert")
_LOGIN, _LOGOUT = ("110122", "Login"), ("110123", "Logout")
_ATTRIBUTES = ("110137", "User Security Attributes Changed")
_NODE = ("110126", "Node Authentication")
_OF_IMAGES = (Subject.STUDY, Subject.FILM, Subject.OBJECT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What kind of event an action is, in the codes of PS3.16 (CID 400 to 402)."""

    id: tuple[str, str]
    action: str
    type: tuple[str, str] | None = None
    outcome: str = _SUCCESS


_SIGN_IN_FAILED = Event(id=_AUTHENTICATION, action="E", type=_LOGIN, outcome=_MINOR)
_SIGNED_OUT = Event(id=_AUTHENTICATION, action="E", type=_LOGOUT)
_EVENTS = {
    Action.SIGNED_IN: Event(id=_AUTHENTICATION, action="E", type=_LOGIN),
    Action.USED_TOKEN: Event(id=_AUTHENTICATION, action="E", type=_LOGIN),
    Action.SIGNED_IN_WITH_A_NEW_DEVICE: Event(id=_ALERT, action="E", type=_LOGIN),
    **dict.fromkeys((Action.SIGNED_OUT, Action.ENDED_SESSION, Action.ENDED_OTHER_SESSIONS), _SIGNED_OUT),
    **dict.fromkeys(
        (
            Action.FAILED_TO_SIGN_IN,
            Action.FAILED_TO_CONFIRM_PASSWORD,
            Action.TRIED_WHILE_LOCKED,
            Action.USED_A_CODE_TWICE,
        ),
        _SIGN_IN_FAILED,
    ),
    Action.REJECTED_ASSOCIATION: Event(id=_ALERT, action="E", type=_NODE, outcome=_SERIOUS),
    Action.SEARCHED: Event(id=("110112", "Query"), action="E"),
    Action.EXPORTED: Event(id=("110106", "Export"), action="R"),
    Action.UPLOADED: Event(id=("110107", "Import"), action="C"),
    Action.RECEIVED: Event(id=("110107", "Import"), action="C"),
    **dict.fromkeys((Action.SENT, Action.WITHDREW), Event(id=("110104", "DICOM Instances Transferred"), action="R")),
}
_VERBS = {Action.SAW: "R", Action.ADDED: "C", Action.DELETED: "D"}
"""What an action does to its subject, where that is not to change it."""


def event_of(action: str, subject: str) -> Event:
    """Return the kind of event that an action is."""
    known = _EVENTS.get(Action(action))
    if known is not None:
        return known
    verb = _VERBS.get(Action(action), "U")
    if subject in _OF_IMAGES:
        return Event(id=("110105", "DICOM Study Deleted") if verb == "D" else _INSTANCES, action=verb)
    if subject in (Subject.ACCOUNT, Subject.TOKEN, Subject.INVITATION):
        return Event(id=_ALERT, action=verb, type=_ATTRIBUTES)
    return Event(id=_RECORDS.get(Subject(subject), _ACTIVITY), action=verb)


def audit_message(entry: AuditEntry, source: str, pseudonym: Callable[[str], str]) -> str:
    """Write an entry as XML.

    Parameters
    ----------
    source
        Names this installation.
    pseudonym
        Hashes a name with the installation's keys.
    """
    event, message = event_of(entry.action, entry.subject), Element("AuditMessage")
    _add_event(message, event, entry)
    person = SubElement(message, "ActiveParticipant", UserID=_user(entry, pseudonym), UserIsRequestor="true")
    if entry.address:
        person.set("NetworkAccessPointID", entry.address)
        person.set("NetworkAccessPointTypeCode", "2")  # an IP address
    origin = SubElement(message, "AuditSourceIdentification", AuditSourceID=source)
    if entry.clinic_id:
        origin.set("AuditEnterpriseSiteID", f"clinic-{entry.clinic_id}")
    SubElement(origin, "AuditSourceTypeCode", {"csd-code": "4"})  # an application server
    if entry.subject_key:
        _add_object(message, entry)
    return tostring(message, encoding="unicode")


def _add_event(message: Element, event: Event, entry: AuditEntry) -> None:
    about = SubElement(
        message,
        "EventIdentification",
        EventActionCode=event.action,
        EventDateTime=entry.at.isoformat(timespec="milliseconds"),
        EventOutcomeIndicator=event.outcome,
    )
    _add_code(about, "EventID", event.id)
    if event.type:
        _add_code(about, "EventTypeCode", event.type)
    _add_code(about, "EventTypeCode", (entry.action.replace(" ", "-"), entry.action), "urn:lungwise:actions")


def _add_code(parent: Element, name: str, code: tuple[str, str], system: str = _DCM) -> None:
    SubElement(parent, name, {"csd-code": code[0], "codeSystemName": system, "originalText": code[1]})


def _user(entry: AuditEntry, pseudonym: Callable[[str], str]) -> str:
    if entry.person_id is not None:
        return f"account-{entry.person_id}"
    return f"node-{pseudonym(entry.person_name)[:16]}" if entry.person_name else "nobody"


def _add_object(message: Element, entry: AuditEntry) -> None:
    is_patient = entry.subject == Subject.PATIENT and entry.action != Action.SEARCHED
    thing = SubElement(
        message,
        "ParticipantObjectIdentification",
        ParticipantObjectID=f"{entry.subject.replace(' ', '-')}-{entry.subject_key}",
        ParticipantObjectTypeCode="1" if is_patient else "2",
        ParticipantObjectTypeCodeRole="1" if is_patient else "3",
    )
    kind = ("2", "Patient Number") if is_patient else ("12", "URI")
    _add_code(thing, "ParticipantObjectIDTypeCode", kind, "RFC-3881")
    for name, value in (("entry", str(entry.id)), ("times", str(entry.times or 1)), ("hash", entry.hash)):
        SubElement(thing, "ParticipantObjectDetail", type=name, value=_base64(value))


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode()
