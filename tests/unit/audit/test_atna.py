"""An audit message is one of DICOM's, and names nobody."""

from __future__ import annotations

from datetime import UTC, datetime
from xml.etree.ElementTree import Element, fromstring

import pytest

from lungwise.audit.actions import Action, Subject
from lungwise.audit.atna import audit_message, event_of
from lungwise.audit.models import AuditEntry

AT = datetime(2026, 3, 2, 9, 0, 0, 123456, tzinfo=UTC)


def entry(action: Action, subject: Subject, key: str = "0" * 20, **more: object) -> AuditEntry:
    fields = {"id": 7, "at": AT, "clinic_id": 1, "person_id": 3, "person_name": "Béla Bartók", "address": "10.0.0.9"}
    return AuditEntry(action=action, subject=subject, subject_key=key, times=None, hash="f" * 64, **(fields | more))


def message(said: AuditEntry) -> Element:
    return fromstring(audit_message(said, "lungwise.example.org", lambda name: f"{len(name):040d}"))


def code(parent: Element, name: str) -> list[str]:
    return [one.attrib["csd-code"] for one in parent.iter(name)]


@pytest.mark.parametrize(
    ("action", "subject", "event", "type_", "verb", "outcome"),
    [
        (Action.SIGNED_IN, Subject.ACCOUNT, "110114", "110122", "E", "0"),
        (Action.SIGNED_OUT, Subject.ACCOUNT, "110114", "110123", "E", "0"),
        (Action.FAILED_TO_SIGN_IN, Subject.ACCOUNT, "110114", "110122", "E", "4"),
        (Action.SAW, Subject.STUDY, "110103", "saw", "R", "0"),
        (Action.SAW, Subject.PATIENT, "110110", "saw", "R", "0"),
        (Action.SAW, Subject.AUDIT_TRAIL, "110101", "saw", "R", "0"),
        (Action.SEARCHED, Subject.PATIENT, "110112", "searched", "E", "0"),
        (Action.DELETED, Subject.STUDY, "110105", "deleted", "D", "0"),
        (Action.EXPORTED, Subject.PATIENT, "110106", "exported", "R", "0"),
        (Action.RECEIVED, Subject.FILM, "110107", "received", "C", "0"),
        (Action.SENT, Subject.STUDY, "110104", "sent", "R", "0"),
        (Action.REJECTED_ASSOCIATION, Subject.CLINIC, "110113", "110126", "E", "8"),
        (Action.CHANGED_ROLE, Subject.ACCOUNT, "110113", "110137", "U", "0"),
    ],
)
def test_an_action_is_an_event_of_dicom(
    action: Action, subject: Subject, event: str, type_: str, verb: str, outcome: str
) -> None:
    said = message(entry(action, subject))
    about = said.find("EventIdentification")
    assert about is not None
    assert (code(about, "EventID"), code(about, "EventTypeCode")[0]) == ([event], type_)
    assert (about.attrib["EventActionCode"], about.attrib["EventOutcomeIndicator"]) == (verb, outcome)
    assert about.attrib["EventDateTime"] == "2026-03-02T09:00:00.123+00:00"


def test_a_message_says_who_from_where_and_what_and_no_name() -> None:
    text = audit_message(entry(Action.SAW, Subject.STUDY), "lungwise.example.org", str)
    said = fromstring(text)
    person, source, thing = (
        said.find(name)
        for name in ("ActiveParticipant", "AuditSourceIdentification", "ParticipantObjectIdentification")
    )
    assert person is not None and source is not None and thing is not None
    assert (person.attrib["UserID"], person.attrib["NetworkAccessPointID"]) == ("account-3", "10.0.0.9")
    assert source.attrib == {"AuditSourceID": "lungwise.example.org", "AuditEnterpriseSiteID": "clinic-1"}
    assert thing.attrib["ParticipantObjectID"] == "study-" + "0" * 20
    assert "Bart" not in text
    node = message(entry(Action.SENT, Subject.STUDY, person_id=None)).find("ActiveParticipant")
    assert node is not None and node.attrib["UserID"] == "node-0000000000000000"
    nobody = message(entry(Action.FAILED_TO_SIGN_IN, Subject.ACCOUNT, "", person_id=None, person_name="", address=""))
    assert nobody.find("ActiveParticipant").attrib["UserID"] == "nobody"  # type: ignore[union-attr]
    assert nobody.find("ParticipantObjectIdentification") is None


def test_every_action_on_everything_has_an_event() -> None:
    for action in Action:
        for subject in Subject:
            event = event_of(action, subject)
            assert event.id[0].isdecimal() and event.action in "CRUDE"
