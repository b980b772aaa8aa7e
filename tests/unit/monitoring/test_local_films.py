from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from lungwise.access import Role
from lungwise.errors import NotFound
from lungwise.jobs.reading_queue import Model
from lungwise.monitoring.film_table import FINDINGS, MIDDLE, NORMAL, FilmTable
from lungwise.monitoring.local_films import ClinicFilms, leading
from lungwise.monitoring.verified import Verification
from lungwise.patients.service import PatientFacts
from lungwise.reading.pattern import COVID
from lungwise.studies.diagnosis import Diagnosis
from lungwise.studies.reference_tests import EnteredResult, Outcome, Reason, ReferenceTest, Result

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Services
    from lungwise.access import Person
    from lungwise.monitoring.local_films import LocalFilms
    from lungwise.studies.models import Study

TODAY = date(2026, 3, 2)


def read(services: Services, person: Person, *films: bytes) -> list[Study]:
    """Read films, each of a patient of its own."""
    opened = [
        services.studies.open(person, PatientFacts(identifier=str(n)), [("a", data)]) for n, data in enumerate(films)
    ]
    services.read_all()
    return opened


def enter(
    services: Services,
    person: Person,
    study: Study,
    kind: ReferenceTest,
    result: Result,
    reason: Reason | None = Reason.ROUTINE,
    days: int = 0,
) -> None:
    when = TODAY + timedelta(days=days)
    entered = EnteredResult(kind=kind, result=result, tested_on=when, reason=reason)
    services.clock.forward(days=10)
    services.reference_results.add(person, study.key, entered)
    services.clock.forward(days=-10)


def found(services: Services, person: Person, finding: str = COVID) -> LocalFilms:
    return ClinicFilms(services.session, days=3).of(person, services.worker.model, finding)


def test_why_a_patient_was_tested_decides_how_a_film_is_verified(
    either_services: Services, film: Callable[..., bytes]
) -> None:
    services = either_services
    ada = services.person()
    studies = read(services, ada, *(film(n) for n in range(6)))
    for study, reason in zip(studies, Reason, strict=False):
        enter(services, ada, study, ReferenceTest.PCR, Outcome.POSITIVE, reason)
    films = found(services, ada).films
    anyway, by_film = Verification.ANYWAY, Verification.BY_FILM
    assert list(films.verification) == [anyway, anyway, anyway, by_film, by_film, Verification.NOT_TESTED]
    assert list(films.positive) == [True] * 5 + [False]


def test_a_result_counts_for_a_film_of_a_few_days_before_or_after(
    services: Services, film: Callable[..., bytes]
) -> None:
    ada = services.person()
    studies = read(services, ada, *(film(n) for n in range(4)))
    for study, days in zip(studies, (-3, 3, -4, 4), strict=True):
        enter(services, ada, study, ReferenceTest.PCR, Outcome.NEGATIVE, days=days)
    local = found(services, ada)
    assert list(local.films.verification > 0) == [True, True, False, False]
    assert local.left_out == 2


def test_a_test_counts_before_a_radiologist_who_counts_where_there_is_none(
    services: Services, film: Callable[..., bytes]
) -> None:
    ada = services.person()
    both, radiologist = read(services, ada, film(1), film(2))
    enter(services, ada, both, ReferenceTest.XPERT, Outcome.NEGATIVE)
    for study in (both, radiologist):
        enter(services, ada, study, ReferenceTest.RADIOLOGIST, Diagnosis.TUBERCULOSIS, None)
    assert list(found(services, ada, "tuberculosis").films.positive) == [False, True]
    assert list(found(services, ada, "tuberculosis").films.verification) == [1, 2]
    assert list(found(services, ada, "other pneumonia").films.verification) == [2, 2]
    assert not found(services, ada, "normal").films.positive.any()


def test_of_a_patient_counts_the_highest_film_with_the_results_of_its_days(
    services: Services, film: Callable[..., bytes]
) -> None:
    ada = services.person()
    facts = PatientFacts(identifier="7")
    low = services.studies.open(ada, facts, [("a", film(1))])
    high = services.studies.open(ada, facts, [("b", film(2, 8)), ("c", film(3))])
    services.read_all()
    enter(services, ada, low, ReferenceTest.PCR, Outcome.POSITIVE)
    local = found(services, ada)
    assert list(local.table.study) == [high.id]
    assert local.films.score[0] == high.probability
    assert local.films.positive[0]


def test_a_miss_stays_when_a_higher_film_of_another_day_comes(
    either_services: Services, film: Callable[..., bytes]
) -> None:
    services, facts = either_services, PatientFacts(identifier="7")
    ada = services.person()
    missed = services.studies.open(ada, facts, [("a", film(1))])
    services.read_all()
    enter(services, ada, missed, ReferenceTest.PCR, Outcome.POSITIVE, days=1)
    before = found(services, ada)
    services.clock.forward(days=29)
    later = services.studies.open(ada, facts, [("b", film(2, 8))])
    services.read_all()
    enter(services, ada, later, ReferenceTest.PCR, Outcome.NEGATIVE, days=29)
    for local in (before, found(services, ada)):
        assert list(local.table.study) == [missed.id]
        assert (list(local.films.positive), list(local.films.stratum)) == ([True], [MIDDLE])
        assert list(local.films.verification) == [Verification.ANYWAY]


def test_of_each_study_of_the_last_month_counts_its_highest_film(
    services: Services, film: Callable[..., bytes]
) -> None:
    ada = services.person()
    one, two = read(services, ada, film(1), film(2))
    services.studies.add_films(ada, one.key, [("b", film(3, 8))])
    services.read_all()
    used, model = ClinicFilms(services.session, 3), services.worker.model
    scores = used.last_month(ada, model, COVID, TODAY)
    assert sorted(scores) == sorted([one.probability, two.probability])
    assert len(used.last_month(ada, model, COVID, TODAY + timedelta(days=40))) == 0


def test_results_count_as_long_as_the_clinic_says(services: Services, film: Callable[..., bytes]) -> None:
    ada = services.person()
    (study,) = read(services, ada, film(1))
    enter(services, ada, study, ReferenceTest.PCR, Outcome.NEGATIVE, days=5)
    model = services.worker.model
    assert ClinicFilms(services.session, 3).of(ada, model, COVID).left_out == 1
    assert ClinicFilms(services.session, 3, lambda _clinic: 7).of(ada, model, COVID).left_out == 0


def test_nothing_is_left_out_and_nothing_breaks_where_there_is_nothing(services: Services) -> None:
    ada = services.person()
    assert ClinicFilms(services.session, 3).model_in_use(ada) is None
    for finding in FINDINGS:
        empty = ClinicFilms(services.session, 3).of(ada, Model(name="m", version="1"), finding)
        assert (len(empty.films.score), empty.left_out) == (0, 0)


def test_only_those_who_see_the_whole_clinic_see_its_accuracy(services: Services) -> None:
    worker = services.person("Wim", role=Role.HEALTH_WORKER)
    with pytest.raises(NotFound):
        ClinicFilms(services.session, 3).of(worker, Model(name="m", version="1"), COVID)


def test_the_lowest_film_counts_for_normal_and_the_first_of_equals() -> None:
    rows = [
        (n, n, patient, 1, (score,) * 4, (0,) * 4, standing, 50, "", "", "") for n, patient, score, standing in ROWS
    ]
    table = FilmTable.of(rows)
    assert list(table.film[leading(table, 0)]) == [2, 4]
    assert list(table.film[leading(table, NORMAL)]) == [1, 4]


ROWS = [(1, 7, 0.1, 0), (2, 7, 0.9, 0), (3, 7, 0.95, 2), (4, 8, 0.5, 0), (5, 8, 0.5, 0)]
"""Film, patient, score and standing: the third does not count."""
