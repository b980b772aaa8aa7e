from __future__ import annotations

from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from lungwise.audit.closed_clinics import close_clinic
from lungwise.patients.service import PatientFacts
from lungwise.store import Database
from lungwise.store.migrations import upgrade
from lungwise.studies.dispatch_models import Dispatch, DispatchState
from lungwise.studies.restored_reports import send_reports_anew

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Services
    from lungwise.access import Person
    from lungwise.settings import Settings
    from lungwise.studies.models import Study

ARCHIVE = "ARCHIVE@127.0.0.1:104"


def minutes(at: datetime) -> int:
    return int(at.timestamp()) // 60


def sent(services: Services, person: Person, film: bytes, **states: DispatchState) -> Study:
    """Open a study that is read, whose results are sent to an archive; give it dispatches in other states."""
    study = services.studies.open(person, PatientFacts(), [("film", film)])
    services.read_all()
    at = services.clock()
    study.dispatches = [
        Dispatch(destination=name, state=state, claim="c", attempts=4, error="away", created_at=at, due_at=at)
        for name, state in (states | {ARCHIVE: DispatchState.SENT}).items()
    ]
    services.session.flush()
    return study


def test_each_report_is_queued_again_under_a_version_that_was_never_sent(
    either_services: Services, film: Callable[..., bytes]
) -> None:
    services, person = either_services, either_services.person()
    states = {"webhook": DispatchState.SENT, "fhir": DispatchState.CANCELLED, "hl7": DispatchState.SENDING}
    study = sent(services, person, film(1), **states)
    services.clock.forward(minutes=5)
    send_reports_anew(services.session, services.clock)
    services.session.expire_all()
    assert study.report_version == minutes(services.clock())
    for one in study.dispatches:
        of_archive = one.destination == ARCHIVE
        assert (one.state, one.attempts) == (("sent", 4) if of_archive else ("queued", 0))
        assert (one.claim, one.error) == (("c", "away") if of_archive else ("", ""))
        assert (one.due_at == one.created_at == services.clock()) is not of_archive
    send_reports_anew(services.session, services.clock)  # and within the same minute
    services.session.expire_all()
    assert study.report_version == minutes(services.clock()) + 1


def test_the_reports_of_a_clinic_that_is_closed_since_it_moves_are_not_sent(
    services: Services, film: Callable[..., bytes]
) -> None:
    here, moved = services.person(), services.person("Ben", "Valley")
    studies = [sent(services, one, film(n), webhook=DispatchState.SENT) for n, one in enumerate((here, moved))]
    close_clinic(services.session, moved.clinic_id, services.clock().isoformat())
    send_reports_anew(services.session, services.clock)
    services.session.expire_all()
    assert [next(one.state for one in study.dispatches if one.destination == "webhook") for study in studies] == [
        "queued",
        "sent",
    ]


@pytest.mark.parametrize("schema", ["0041", "0043"])
def test_the_database_may_have_the_schema_of_an_earlier_release(settings: Settings, schema: str) -> None:
    with closing(Database(settings)) as database:
        upgrade(database.engine, schema)
        with database.writing() as session:
            send_reports_anew(session)
