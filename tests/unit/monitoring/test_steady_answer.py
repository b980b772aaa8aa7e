from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from answered import MODEL, answer
from lungwise.monitoring.drift import NOTABLE_DISTANCE, Drift, Reference, Spread
from lungwise.monitoring.steady_answer import SteadyAnswer, steady_answer
from lungwise.studies.models import monday

if TYPE_CHECKING:
    from conftest import Services
    from lungwise.access import Person

REFERENCE = Reference(model=MODEL, films="drawn films", spread=Spread(bands=(600, 0, 0, 0, 400), refused=0))
USUAL, OTHER = [0.1] * 60 + [0.9] * 40, [0.1] * 10 + [0.9] * 90


def answered(services: Services, ada: Person, films: dict[int, list[float]]) -> SteadyAnswer:
    """Answer for a clinic that had such films so many weeks ago."""
    for weeks_ago, probabilities in films.items():
        answer(services, ada, weeks_ago, probabilities)
    return steady_answer(Drift(services.session, services.clock, REFERENCE).weeks(ada), REFERENCE.spread)


def test_the_last_week_that_is_over_is_compared_with_the_four_before_it(services: Services) -> None:
    ada = services.person()
    found = answered(services, ada, {3: USUAL, 2: USUAL, 1: USUAL, 0: [0.9]})
    assert (found.changed, found.jumped_since) == ((), None)
    assert found.compared and (found.compared.weeks, found.compared.before) == (1, 4)
    assert found.from_reference is not None and found.from_reference < 0.1  # this week has but one film


def test_a_recent_week_unlike_those_before_it_has_changed_and_one_of_long_ago_has_not(services: Services) -> None:
    ada, this_week = services.person(), monday(services.clock().date())
    recent = {week: USUAL for week in (7, 6, 5, 3, 2, 1)} | {4: OTHER}
    assert this_week - timedelta(weeks=4) in answered(services, ada, recent).changed
    services.clock.forward(days=7 * 8)
    found = answered(services, ada, {week: USUAL for week in range(1, 8)})
    assert found.changed == () and found.compared


def test_weeks_of_a_small_clinic_are_compared_together(services: Services) -> None:
    ada, this_week = services.person(), monday(services.clock().date())
    before = {week: USUAL + USUAL[:20] for week in (7, 6, 5)}
    found = answered(services, ada, before | {week: OTHER[1:] for week in (4, 3, 2, 1)})
    assert (found.changed, found.jumped_since) == ((), this_week - timedelta(weeks=4))
    assert found.from_reference is not None and found.from_reference >= NOTABLE_DISTANCE
    services.clock.forward(days=7 * 18)
    found = answered(services, ada, {week: OTHER[1:] for week in range(1, 19)})
    assert (found.changed, found.jumped_since) == ((), None)
    assert found.compared and (found.compared.weeks, found.compared.before) == (4, 12)
    assert found.from_reference is not None and found.from_reference >= NOTABLE_DISTANCE


@pytest.mark.parametrize("films", [[0.9], [0.9] * 20])
def test_it_is_not_known_since_the_last_week_that_could_be_compared(services: Services, films: list[float]) -> None:
    ada = services.person()
    found = answered(services, ada, {week: USUAL for week in (25, 24, 23)} | {week: films for week in range(1, 19)})
    assert (found.changed, found.jumped_since, found.compared, found.from_reference) == ((), None, None, None)
    this_week = monday(services.clock().date())
    assert found.compared_until is not None and found.compared_until < this_week - timedelta(weeks=18)


def test_of_no_films_nothing_is_known(services: Services) -> None:
    found = answered(services, services.person(), {})
    assert found == SteadyAnswer(changed=(), jumped_since=None, compared=None, compared_until=None, from_reference=None)
