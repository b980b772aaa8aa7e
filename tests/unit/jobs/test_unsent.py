"""What is not sent is listed without touching it, and how long it has waited is counted."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from pydicom.uid import generate_uid

from lungwise.access import Person, Role
from lungwise.jobs.deliveries import Dispatches
from lungwise.jobs.unsent import Unsent, Why, unsent_results
from lungwise.metrics import UnsentResults
from lungwise.studies.dispatch_models import Dispatch, DispatchState
from lungwise.studies.models import Study
from lungwise.studies.recipient_models import ReportRecipient
from queued_results import queued_study, withdraw

if TYPE_CHECKING:
    from conftest import Services

ARCHIVES = ["A@a:1", "B@b:2"]


@pytest.fixture
def study(either_services: Services) -> Study:
    """A DICOM film's study, which is read and queued for two archives."""
    ada = either_services.person("Ada")
    return queued_study(either_services, ada, ARCHIVES, StudyInstanceUID=generate_uid(), SeriesInstanceUID="1.2.3")


def somebody(study: Study, clinic: int | None = None) -> Person:
    return Person(None, "somebody", clinic or study.clinic_id, Role.ADMINISTRATOR)


def test_each_line_says_what_waits_where_and_what_comes_next(either_services: Services, study: Study) -> None:
    services, began = either_services, either_services.clock()
    dispatches = Dispatches(services.session, services.clock, ARCHIVES)
    services.clock.forward(seconds=3)
    claimed = dispatches.claim()
    assert claimed is not None
    dispatches.fail(claimed, "A cannot be reached", away=True)
    ada = somebody(study)
    lines = Unsent(services.session, services.clock, ["A@a:1"]).of_clinic(ada)
    tried, removed = lines
    assert (tried.study, tried.archive, tried.state, tried.attempts) == (study.key, "A@a:1", Why.WAITING, 1)
    assert (tried.error, tried.since) == ("A cannot be reached", began)
    assert tried.next_try == services.clock() + timedelta(minutes=1)
    assert (removed.archive, removed.state, removed.next_try) == ("B@b:2", Why.ARCHIVE_REMOVED, None)
    unsent = Unsent(services.session, services.clock, ARCHIVES)
    assert [line.number for line in unsent.of_clinic(ada, tried.number)] == [removed.number]
    assert unsent.of_clinic(somebody(study, study.clinic_id + 1)) == []
    assert len(unsent.of_all()) == 2
    one = services.session.query(Dispatch).filter_by(destination="A@a:1").one()
    one.state = DispatchState.FAILED
    services.session.flush()
    assert unsent.of_clinic(ada)[0].state is Why.GIVEN_UP


def test_what_waits_for_an_hour_or_was_given_up_is_counted_as_late(either_services: Services, study: Study) -> None:
    services = either_services
    unsent = Unsent(services.session, services.clock, ARCHIVES)
    ada = somebody(study)
    assert unsent.count_late(ada) == 0
    services.clock.forward(hours=2)
    assert (unsent.count_late(ada), unsent.count_late(somebody(study, study.clinic_id + 1))) == (1, 0)
    counted = unsent_results(services.session, services.clock())
    assert counted == UnsentResults(waiting=2, oldest_seconds=7200)
    services.session.query(Dispatch).update({"state": DispatchState.FAILED})
    assert unsent_results(services.session, services.clock()) == UnsentResults(given_up=2)
    assert unsent.count_late(ada) == 1
    services.session.query(Dispatch).update({"state": DispatchState.SENT})
    assert (unsent_results(services.session, services.clock()), unsent.count_late(ada)) == (UnsentResults(), 0)


def test_what_was_sent_and_changes_waits_from_the_change_on(either_services: Services, study: Study) -> None:
    services = either_services
    services.session.query(Dispatch).filter_by(destination="A@a:1").update({"state": DispatchState.SENT})
    services.clock.forward(hours=2)
    services.studies.report_changes.of_study(study)
    unsent = Unsent(services.session, services.clock, ARCHIVES).of_all()
    waited = {line.archive: services.clock() - line.since for line in unsent}
    assert waited == {"A@a:1": timedelta(0), "B@b:2": timedelta(hours=2)}
    services.session.query(Dispatch).update({"state": DispatchState.SENT})
    services.clock.forward(hours=1)
    Dispatches(services.session, services.clock, ARCHIVES).queue(study.id)
    assert unsent_results(services.session, services.clock()).oldest_seconds == 0


def test_withdrawals_come_first_and_are_counted_with_the_rest(either_services: Services, study: Study) -> None:
    services, ada = either_services, somebody(study)
    services.session.query(Dispatch).filter_by(destination="B@b:2").delete()
    withdraw(services.session, study, "fhir", services.clock)
    unsent = Unsent(services.session, services.clock, [*ARCHIVES, "fhir"])
    first, second = unsent.of_clinic(ada)
    assert (first.study, first.archive, first.withdrawal, first.state) == (study.key, "fhir", True, Why.WAITING)
    assert (second.archive, second.withdrawal) == ("A@a:1", False)
    assert unsent.of_clinic(ada, after=second.number) == unsent.of_clinic(somebody(study, study.clinic_id + 1)) == []
    services.clock.forward(hours=2)
    assert unsent.count_late(ada) == 2
    services.session.query(Dispatch).delete()
    assert unsent_results(services.session, services.clock()).waiting == unsent.count_late(ada) == 1
    services.session.query(ReportRecipient).update({"state": DispatchState.FAILED})
    assert unsent_results(services.session, services.clock()) == UnsentResults(given_up=1)
