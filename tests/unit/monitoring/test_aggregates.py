from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING

import pytest

from lungwise.access import Role
from lungwise.errors import NotFound
from lungwise.inputs import DHIS2_COUNTS
from lungwise.monitoring.aggregates import COUNTS, Aggregates, WeekAggregate, aggregates_csv
from lungwise.patients.service import PatientFacts
from lungwise.studies.reference_tests import EnteredResult, Outcome, Reason, ReferenceTest
from lungwise.time_zones import zone_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Services
    from lungwise.access import Person

LAST = date(2026, 3, 2)


def counted(services: Services, person: Person, zone: tzinfo = UTC) -> list[WeekAggregate]:
    return Aggregates(services.session, services.clock, lambda _clinic: zone).of(person, 2)


def test_a_week_is_counted_when_it_is_over(either_services: Services, film: Callable[..., bytes], blank: bytes) -> None:
    services, ada = either_services, either_services.person()
    ill = services.studies.open(ada, PatientFacts(identifier="1"), [("a", film(1, 8)), ("b", blank)])
    services.studies.open(ada, PatientFacts(identifier="2"), [("c", film(2))])
    services.studies.open(services.person("Eve", "Valley"), PatientFacts(), [("d", film(3, 8))])
    services.read_all()
    tests = [
        (ReferenceTest.PCR, Outcome.POSITIVE, LAST),
        (ReferenceTest.PCR, Outcome.NEGATIVE, LAST - timedelta(days=1)),
        (ReferenceTest.XPERT, Outcome.POSITIVE, LAST),
        (ReferenceTest.SPUTUM, Outcome.NEGATIVE, LAST),
    ]
    for kind, result, day in tests:
        entered = EnteredResult(kind=kind, result=result, tested_on=day, reason=Reason.SYMPTOMS)
        services.reference_results.add(ada, ill.key, entered)
    assert counted(services, ada)[-1].films == 0  # the week is not over
    services.clock.forward(days=7)
    before, last = counted(services, ada)
    assert (last.begins, last.period) == (LAST, "2026W10")
    assert (last.films, last.refusals, last.covid_positives, last.tuberculosis_positives) == (3, 1, 1, 0)
    assert (last.pcr_tests, last.pcr_found, last.tuberculosis_tests, last.tuberculosis_found) == (1, 1, 2, 1)
    assert (before.begins, before.pcr_tests, before.pcr_found, before.films) == (LAST - timedelta(days=7), 1, 0, 0)


def test_a_week_begins_where_the_clinic_stands(services: Services) -> None:
    services.clock.now = datetime(2026, 3, 8, 12, 0, tzinfo=UTC)  # in Auckland it is Monday already
    ada = services.person()
    assert counted(services, ada, zone_of("Pacific/Auckland"))[-1].begins == LAST
    assert counted(services, ada)[-1].begins == LAST - timedelta(days=7)


def test_the_last_week_of_a_year_may_be_the_next_years_first() -> None:
    nothing = dict.fromkeys(COUNTS, 0)
    assert WeekAggregate(begins=date(2024, 12, 30), **nothing).period == "2025W1"


def test_a_table_has_a_line_for_each_week() -> None:
    weeks = [WeekAggregate(begins=LAST, **{name: number for number, name in enumerate(COUNTS)})]
    (row,) = csv.DictReader(io.StringIO(aggregates_csv(weeks)))
    assert row == {"period": "2026W10", "begins": "2026-03-02"} | {name: str(n) for n, name in enumerate(COUNTS)}


def test_what_is_counted_is_what_settings_name() -> None:
    assert COUNTS == DHIS2_COUNTS


def test_who_only_uploads_counts_nothing(services: Services) -> None:
    wim = services.person("Wim", role=Role.HEALTH_WORKER)
    with pytest.raises(NotFound):
        Aggregates(services.session, services.clock, lambda _clinic: UTC).of(wim, 1)
