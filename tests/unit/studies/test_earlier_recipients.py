from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select, text

from lungwise.access import Person, Role
from lungwise.audit.actions import Action, Subject
from lungwise.audit.service import AuditTrail
from lungwise.patients.service import PatientFacts
from lungwise.store import Database
from lungwise.studies import earlier_recipients
from lungwise.studies.dispatch_models import Dispatch, DispatchState
from lungwise.studies.earlier_recipients import note_earlier_recipients
from lungwise.studies.models import Study
from lungwise.studies.recipient_models import ReportRecipient
from lungwise.studies.recipients import Recipients
from lungwise.wiring import Wiring

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Services
    from lungwise.studies.service import Studies

ARCHIVE = "A@a:1"
SENT, QUEUED, FAILED, CANCELLED = (
    DispatchState.SENT,
    DispatchState.QUEUED,
    DispatchState.FAILED,
    DispatchState.CANCELLED,
)


def opened(services: Services, film: bytes, number: str = "7") -> str:
    study = services.studies.open(services.person(number), PatientFacts(identifier=number), [("film", film)])
    services.read_all()
    services.session.commit()
    return study.key


def dispatched(services: Services, key: str, destination: str, state: DispatchState, attempts: int = 0) -> None:
    """Keep how the sending of a study's report stands, as an earlier release does."""
    study = services.session.scalars(select(Study).where(Study.key == key)).one()
    at = services.clock()
    row = Dispatch(destination=destination, state=state, attempts=attempts, created_at=at, due_at=at)
    study.dispatches = [*study.dispatches, row]
    services.session.commit()


def over(services: Services) -> Callable[..., Studies]:
    wiring = Wiring(services.settings, services.store)
    return lambda session: wiring.over(session).studies


def noted(database: Database, key: str) -> list[str]:
    with database.reading() as session:
        query = select(ReportRecipient.destination).where(ReportRecipient.study_key == key)
        return sorted(session.scalars(query))


def test_whoever_has_a_report_or_may_have_it_is_noted_under_the_present_identifiers(
    either_services: Services, film: Callable[..., bytes]
) -> None:
    services = either_services
    tried, sent_before = opened(services, film(1)), opened(services, film(2), "8")
    dispatched(services, tried, ARCHIVE, SENT, 1)
    dispatched(services, tried, "fhir", FAILED, 1)
    dispatched(services, tried, "hl7", QUEUED)
    dispatched(services, tried, "webhook", SENT)
    dispatched(services, sent_before, "hl7", CANCELLED)
    dispatched(services, sent_before, "webhook", QUEUED)
    node = Person(None, "LUNGWISE", services.person("Node").clinic_id, Role.NODE)
    AuditTrail(services.session, services.clock, "webhook").record(node, Action.SENT, Subject.STUDY, sent_before)
    services.session.commit()
    with closing(Database(services.settings)) as database:
        assert list(note_earlier_recipients(database, over(services))) == [5, 0]
        assert (noted(database, tried), noted(database, sent_before)) == (["fhir", "webhook"], ["webhook"])
        with database.reading() as session:
            found = Recipients(session, services.clock).identifiers(sent_before, "webhook")
        assert found is not None and found.facts.identifier == "8" and len(found.films) == 1
        dispatched(services, tried, "other", SENT)
        assert list(note_earlier_recipients(database, over(services))) == []  # it is done once
        assert noted(database, tried) == ["fhir", "webhook"]


def test_a_killed_run_goes_on_where_it_was_and_a_patient_that_does_not_open_stops_nothing(
    services: Services, film: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(earlier_recipients, "_NOT_NOTED", earlier_recipients._NOT_NOTED.limit(1))
    keys = [opened(services, film(number), str(number)) for number in range(3)]
    for key in keys:
        dispatched(services, key, "webhook", SENT)
    services.session.execute(text("UPDATE patients SET identifier = substr(identifier, 1, 20) WHERE id = 2"))
    services.session.commit()
    with closing(Database(services.settings)) as database:
        next(note_earlier_recipients(database, over(services)))
        assert [noted(database, key) for key in keys] == [["webhook"], [], []]
        assert list(note_earlier_recipients(database, over(services))) == [1, 1, 0]
        assert [noted(database, key) for key in keys] == [["webhook"], [], ["webhook"]]
