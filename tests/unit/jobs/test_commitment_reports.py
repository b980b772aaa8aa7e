from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lungwise.jobs import commitment_reports
from lungwise.jobs.commitment_reports import AnotherRequestError, CommitmentReports, TooManyReportsError
from lungwise.store.lease_queue import FAILED
from lungwise.studies.commitment_models import CommitmentReport, Reference

if TYPE_CHECKING:
    from conftest import Services

ASKED = [Reference("1.2", "1.2.3")]


@pytest.fixture
def clinic(services: Services) -> int:
    return services.person().clinic_id


def test_a_report_is_told_once_a_peer_acknowledges_it(services: Services, clinic: int) -> None:
    reports = CommitmentReports(services.session, services.clock, clinic, "here")
    for _ in range(2):  # who asks the same again is told once
        reports.queue("CR1", "1.9", ASKED)
    assert not reports.any_due()
    services.clock.forward(seconds=1)
    claimed = reports.claim()
    assert claimed is not None
    assert (claimed.title, claimed.transaction_uid, claimed.references) == ("CR1", "1.9", ASKED)
    reports.finish(claimed)
    assert services.session.query(CommitmentReport).count() == 0


def test_a_transaction_is_for_the_same_objects(services: Services, clinic: int) -> None:
    reports = CommitmentReports(services.session, services.clock, clinic, "here")
    reports.queue("CR1", "1.9", ASKED)
    reports.queue("CR2", "1.9", [Reference("1.2", "1.2.4")])
    with pytest.raises(AnotherRequestError):
        reports.queue("CR1", "1.9", [Reference("1.2", "1.2.4")])


def test_so_many_wait_and_no_more(services: Services, clinic: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commitment_reports, "_MOST_WAITING", 1)
    reports = CommitmentReports(services.session, services.clock, clinic, "here")
    reports.queue("CR1", "1.9", ASKED)
    with pytest.raises(TooManyReportsError):
        reports.queue("CR1", "1.10", ASKED)


def test_a_report_that_is_given_up_makes_room(services: Services, clinic: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commitment_reports, "_MOST_WAITING", 1)
    monkeypatch.setattr(CommitmentReports, "max_attempts", 2)
    reports = CommitmentReports(services.session, services.clock, clinic, "here")
    reports.queue("CR1", "1.9", ASKED)
    for _ in range(2):
        services.clock.forward(hours=1)
        claimed = reports.claim()
        assert claimed is not None
        reports.fail(claimed, "CR1 cannot be reached")
    assert services.session.query(CommitmentReport).count() == 0
    reports.queue("CR1", "1.10", ASKED)


def test_reports_that_were_given_up_and_kept_do_not_count(
    services: Services, clinic: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commitment_reports, "_MOST_WAITING", 1)
    reports = CommitmentReports(services.session, services.clock, clinic, "here")
    reports.queue("CR1", "1.9", ASKED)
    services.session.query(CommitmentReport).update({"state": FAILED})  # as installations before this one left it
    reports.queue("CR1", "1.10", ASKED)


def test_while_a_peer_is_away_the_clinics_other_reports_to_it_wait_and_go_first(either_services: Services) -> None:
    services = either_services
    clinic, dale = services.person().clinic_id, services.person("Otto", "Dale").clinic_id
    reports = CommitmentReports(services.session, services.clock, clinic, "here")
    for title, transaction in ("CR1", "1.1"), ("CR1", "1.2"), ("CR2", "1.3"):
        reports.queue(title, transaction, ASKED)
    elsewhere = CommitmentReports(services.session, services.clock, dale, "elsewhere")
    elsewhere.queue("CR1", "1.4", ASKED)  # another device of the same title
    services.clock.forward(seconds=1)
    first = reports.claim()
    assert first is not None
    reports.fail(first, "CR1 cannot be reached")
    assert [one.title for one in iter(reports.claim, None)] == ["CR2"]
    assert [one.transaction_uid for one in iter(elsewhere.claim, None)] == ["1.4"]
    services.clock.forward(minutes=1)
    assert [one.transaction_uid for one in iter(reports.claim, None)] == ["1.2", "1.1"]


def test_a_report_is_first_for_the_node_that_was_asked_and_never_for_another_clinics(
    either_services: Services,
) -> None:
    services = either_services
    hill, dale = services.person().clinic_id, services.person("Otto", "Dale").clinic_id
    asked, beside, elsewhere = (
        CommitmentReports(services.session, services.clock, clinic, node)
        for clinic, node in ((hill, "here"), (hill, "there"), (dale, "elsewhere"))
    )
    asked.queue("CR1", "1.9", ASKED)
    services.clock.forward(seconds=1)
    assert [queue.any_due() for queue in (asked, beside, elsewhere)] == [True, False, False]
    services.clock.forward(seconds=10)  # the one that was asked has died
    claimed = beside.claim()
    assert claimed is not None
    beside.fail(claimed, "CR1 cannot be reached")
    services.clock.forward(minutes=1)
    assert [queue.any_due() for queue in (asked, beside, elsewhere)] == [True, True, False]
    services.clock.forward(days=2)
    assert elsewhere.claim() is None
