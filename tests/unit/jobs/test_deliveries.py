from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from pydicom.uid import generate_uid
from sqlalchemy import select

from dicom_files import dicom_file
from lungwise.jobs.deliveries import ClaimedDelivery, Dispatches, ReportDispatches
from lungwise.patients.service import PatientFacts
from lungwise.reading.reading import Verdict
from lungwise.studies.dispatch_models import Dispatch, DispatchState
from lungwise.studies.models import ReadingRecord, Study, StudyStatus
from synthetic_films import chest_bytes

if TYPE_CHECKING:
    from conftest import Services


@pytest.fixture
def study(either_services: Services) -> Study:
    """A DICOM film's study, which is read."""
    data = dicom_file(chest_bytes(), StudyInstanceUID=generate_uid(), SeriesInstanceUID="1.2.3")
    return read(either_services, data)


def read(
    services: Services,
    data: bytes,
    verdict: Verdict | None = Verdict.NEGATIVE,
    name: str = "Ada",
    clinic: str = "Hill",
) -> Study:
    study = services.studies.open(services.person(name, clinic), PatientFacts(), [("film", data)])
    record = ReadingRecord(
        model="synthetic", version="1", created_at=services.clock(), verdict=verdict, appearance={}, findings={}
    )
    study.films[0].readings.append(record)
    study.status = StudyStatus.NEGATIVE if verdict else StudyStatus.REFUSED
    services.session.flush()
    return study


def queued(services: Services, study: Study, *destinations: str) -> Dispatches:
    """Queue a study's results for archives; a while later, they are due."""
    dispatches = Dispatches(services.session, services.clock, destinations)
    dispatches.queue(study.id)
    services.clock.forward(seconds=3)
    return dispatches


def queued_reports(services: Services, *people: tuple[str, str]) -> ReportDispatches:
    """Queue a report of each person's study, of one clinic or another, for a FHIR server."""
    reports = ReportDispatches(services.session, services.clock, ["fhir"])
    for name, clinic in people:
        data = dicom_file(chest_bytes(), StudyInstanceUID=generate_uid(), PatientID=name)
        reports.queue(read(services, data, name=name, clinic=clinic).id)
    services.clock.forward(seconds=3)
    return reports


def claimed(reports: Dispatches) -> ClaimedDelivery:
    delivery = reports.claim()
    assert delivery is not None
    return delivery


def only(services: Services) -> Dispatch:
    return services.session.query(Dispatch).one()


def test_a_study_is_queued_once_for_each_archive(either_services: Services, study: Study) -> None:
    queued(either_services, study, "A@a:1", "B@b:2", "A@a:1")
    queued(either_services, study, "A@a:1", "C@c:3")
    assert [one.destination for one in study.dispatches] == ["A@a:1", "B@b:2", "C@c:3"]


def test_an_archive_may_have_the_longest_name_that_hosts_have(either_services: Services, study: Study) -> None:
    longest = f"{'A' * 16}@{'.'.join(['a' * 62] * 4)}:11112"
    queued(either_services, study, longest)
    assert only(either_services).destination == longest


def test_a_picture_that_is_no_dicom_is_not_sent(services: Services, film: Callable[..., bytes]) -> None:
    study = read(services, film())
    queued(services, study, "A@a:1")
    assert study.dispatches == []


def test_a_film_that_was_refused_is_sent_too(services: Services) -> None:
    study = read(services, dicom_file(chest_bytes(), StudyInstanceUID=generate_uid()), None)
    assert queued(services, study, "A@a:1").claim() is not None


def test_results_wait_for_the_other_films_of_their_study(either_services: Services, study: Study) -> None:
    study.status = StudyStatus.WAITING
    dispatches = queued(either_services, study, "A@a:1")
    assert (dispatches.any_due(), dispatches.claim()) == (False, None)
    study.status = StudyStatus.POSITIVE
    either_services.session.flush()
    assert dispatches.any_due()


def test_an_archive_that_was_taken_out_is_tried_no_more_and_can_be_cancelled(
    either_services: Services, study: Study
) -> None:
    services = either_services
    queued(services, study, "A@a:1", "B@b:2")
    dispatches = Dispatches(services.session, services.clock, ["B@b:2"])
    claimed = dispatches.claim()
    assert claimed is not None and claimed.destination == "B@b:2"
    assert (dispatches.any_due(), dispatches.claim()) == (False, None)
    assert [line.destination for line in dispatches.unsent()] == ["A@a:1", "B@b:2"]
    assert (dispatches.cancel("A"), dispatches.cancel("A@a:1")) == (1, 0)
    assert [line.destination for line in dispatches.unsent()] == ["B@b:2"]
    assert Dispatches(services.session, services.clock, ["A@a:1"]).claim() is None


def test_what_changes_while_it_is_sent_is_sent_again(either_services: Services, study: Study) -> None:
    services = either_services
    dispatches = queued(services, study, "A@a:1")
    first = dispatches.claim()
    assert first is not None
    services.studies.report_changes.of_study(study)
    dispatches.finish(first)
    assert only(services).state == DispatchState.QUEUED
    again = dispatches.claim()
    assert again is not None
    dispatches.finish(again)
    assert only(services).state == DispatchState.SENT


def test_a_dispatch_is_claimed_once_and_again_when_the_lease_has_ended(either_services: Services, study: Study) -> None:
    services = either_services
    dispatches = queued(services, study, "A@a:1")
    delivery = dispatches.claim()
    assert delivery is not None
    assert (delivery.destination, delivery.study, delivery.accepted) == ("A@a:1", study.key, frozenset())
    assert dispatches.claim() is None
    services.clock.forward(minutes=11)
    assert dispatches.claim() is not None


def test_what_is_claimed_is_not_retried_by_another(either_services: Services, study: Study) -> None:
    dispatches = queued(either_services, study, "A@a:1", "B@b:2")
    assert dispatches.claim() is not None
    dispatches.retry_now()
    second = dispatches.claim()
    assert second is not None and second.destination == "B@b:2"
    assert dispatches.claim() is None
    assert [line.state for line in dispatches.unsent()] == ["sending", "sending"]


def test_what_waits_for_an_archive_that_is_away_waits_together_and_holds_up_no_other(services: Services) -> None:
    for number in range(3):
        data = dicom_file(chest_bytes(seed=number), StudyInstanceUID=f"1.2.{number}", PatientID=f"P{number}")
        dispatches = queued(services, read(services, data, name=f"Ada{number}"), "A@a:1", "B@b:2")
    first = dispatches.claim()
    assert first is not None and first.destination == "A@a:1"
    dispatches.fail(first, "A cannot be reached", away=True)
    left = [delivery.destination for delivery in iter(dispatches.claim, None)]
    assert left == ["B@b:2"] * 3
    services.clock.forward(minutes=1)
    left = [delivery.destination for delivery in iter(dispatches.claim, None)]
    assert left == ["A@a:1"] * 3


def test_a_system_that_is_away_holds_up_those_clinics_alone_that_share_it(either_services: Services) -> None:
    people = ("Ada", "Hill"), ("Otto", "Valley"), ("Eve", "Lake"), ("Ida", "Hill")
    reports = queued_reports(either_services, *people)
    hill, valley, lake, _hill = either_services.session.scalars(select(Study.clinic_id).order_by(Study.id))
    first = claimed(reports)
    assert first.clinic_id == hill
    reports.fail(first, "it cannot be reached", away=True, clinics=[hill, lake])
    assert [one.clinic_id for one in iter(reports.claim, None)] == [valley]


def test_a_report_on_which_its_system_fails_delays_each_other_by_one_attempt(either_services: Services) -> None:
    services = either_services
    reports = queued_reports(services, *((name, "Hill") for name in ("Ada", "Ida", "Eve")))
    tried: list[int] = []
    while len(tried) < 6:
        delivery = reports.claim()
        if delivery is None:
            services.clock.forward(seconds=30)
        else:
            tried.append(delivery.job)
            reports.fail(delivery, "it closes the connection", away=True)
    assert sorted(tried[:3]) == sorted(tried[3:]) == sorted(set(tried))


def test_what_waits_for_a_report_that_failed_often_waits_some_minutes(either_services: Services) -> None:
    services = either_services
    reports = queued_reports(services, ("Ada", "Hill"), ("Ida", "Hill"))
    bad = claimed(reports)
    services.session.query(Dispatch).filter_by(id=bad.job).update({"attempts": 50})
    reports.fail(bad, "it closes the connection", away=True)
    services.clock.forward(minutes=5)
    assert [one.job == bad.job for one in iter(reports.claim, None)] == [False]


def test_what_waits_for_its_next_attempt_is_not_delayed_again(either_services: Services) -> None:
    services = either_services
    reports = queued_reports(services, ("Ada", "Hill"), ("Ida", "Hill"))
    bad = claimed(reports)
    reports.fail(bad, "it closes the connection", away=True)
    services.clock.forward(seconds=27)
    new = claimed(queued_reports(services, ("Eve", "Hill")))
    reports.fail(new, "it closes the connection", away=True)
    services.clock.forward(seconds=29)
    assert claimed(reports).job not in (bad.job, new.job)


def test_what_failed_is_retried_after_what_did_not(either_services: Services) -> None:
    reports = queued_reports(either_services, ("Ada", "Hill"), ("Ida", "Hill"))
    bad = claimed(reports)
    reports.fail(bad, "it closes the connection", away=True)
    reports.retry_now()
    assert [one.job == bad.job for one in iter(reports.claim, None)] == [False, True]


def test_an_older_report_that_comes_after_a_newer_one_is_followed_by_the_newest(
    either_services: Services, study: Study
) -> None:
    services = either_services
    reports = ReportDispatches(services.session, services.clock, ["fhir"])
    reports.queue(study.id)
    services.clock.forward(seconds=3)
    older = claimed(reports)
    services.clock.forward(minutes=4)
    services.studies.report_changes.of_study(study)
    newer = claimed(reports)
    assert (reports.renew(older), reports.renew(newer)) == (False, True)
    assert not reports.finish(older)
    reports.send_newest_last(older)
    assert reports.claim() is None  # the newer one is on its way still
    assert not reports.finish(newer)
    services.clock.forward(minutes=3)
    last = claimed(reports)
    assert last.version == newer.version
    assert reports.finish(last)
    reports.send_newest_last(newer)  # the same is there already
    assert only(services).state == DispatchState.SENT
    reports.send_newest_last(older)
    assert reports.finish(claimed(reports))


def test_what_an_archive_has_not_taken_is_tried_again_later_and_later(either_services: Services, study: Study) -> None:
    services = either_services
    dispatches = queued(services, study, "A@a:1")
    pauses = []
    for attempt in range(8):
        delivery = dispatches.claim()
        assert delivery is not None
        assert delivery.accepted == frozenset(["1.2"] if attempt else [])
        dispatches.accept(delivery, "1.2")
        dispatches.fail(delivery, "A answers A700")
        pauses.append(only(services).due_at - services.clock())
        assert dispatches.claim() is None
        services.clock.now = only(services).due_at
    assert pauses == [timedelta(minutes=n) for n in (1, 2, 4, 8, 16, 32, 60, 60)]
    delivery = dispatches.claim()
    assert delivery is not None
    dispatches.accept(delivery, "1.3")
    dispatches.finish(delivery)
    assert (only(services).state, only(services).accepted) == (DispatchState.SENT, ["1.2", "1.3"])
    assert dispatches.unsent() == []
    dispatches.retry_now()
    assert dispatches.claim() is None


def test_what_was_given_up_is_tried_again_when_an_administrator_says_so(
    either_services: Services, study: Study
) -> None:
    services = either_services
    dispatches = queued(services, study, "A@a:1")
    for _ in range(100):
        delivery = dispatches.claim()
        assert delivery is not None
        dispatches.fail(delivery, "A cannot be reached")
        services.clock.now = only(services).due_at
    assert only(services).state == DispatchState.FAILED
    assert dispatches.claim() is None
    assert dispatches.unsent()[0].error == "A cannot be reached"
    dispatches.retry_now()
    assert dispatches.claim() is not None


def test_a_study_deleted_meanwhile_is_left(either_services: Services, study: Study) -> None:
    services = either_services
    dispatches = queued(services, study, "A@a:1")
    delivery = dispatches.claim()
    assert delivery is not None
    services.session.delete(study)
    services.session.flush()
    dispatches.accept(delivery, "1.2")
    dispatches.finish(delivery)
    assert services.session.query(Dispatch).count() == 0
