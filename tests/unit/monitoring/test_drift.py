from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from sqlalchemy import update

import synthetic
from answered import MODEL, answer
from lungwise.access import Role
from lungwise.errors import NotFound
from lungwise.jobs.reading_queue import Model
from lungwise.monitoring.drift import (
    FEWEST_FILMS,
    NOTABLE_DISTANCE,
    Drift,
    Reference,
    Spread,
    distance_decimals,
    limit_of_chance,
    read_reference,
    spread_of,
    write_reference,
)
from lungwise.studies.models import ReadingRecord, monday
from plans import explained, statements

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Services

REFERENCE = Reference(model=MODEL, films="drawn films", spread=Spread(bands=(500, 100, 100, 100, 200), refused=0))


def drift(services: Services) -> Drift:
    return Drift(services.session, services.clock, REFERENCE)


def test_every_answer_is_in_its_week_and_its_band_and_in_nobody_elses(either_services: Services) -> None:
    services, ada = either_services, either_services.person()
    other = services.person("Béla", "Valley")
    answer(services, ada, 0, [0.0, 0.1999, 0.2, 0.5, 0.8, 1.0, None])
    answer(services, ada, 25, [0.7])
    answer(services, ada, 26, [0.7])  # too long ago
    answer(services, ada, 3, [0.7], Model(name="synthetic", version="0"))  # by a model of another version
    answer(services, other, 3, [0.7])
    weeks = drift(services).weeks(ada)
    assert len(weeks) == 26
    assert weeks[-1].begins == monday(services.clock().date())
    assert weeks[-1].spread == Spread(bands=(2, 1, 1, 0, 2), refused=1)
    assert weeks[0].spread == Spread(bands=(0, 0, 0, 1, 0), refused=0)
    assert [week.spread.films for week in weeks[1:-1]] == [0] * 24


def test_a_week_unlike_those_before_it_is_notable_and_one_like_them_is_not(services: Services) -> None:
    ada = services.person()
    usual = [0.1] * 60 + [0.9] * 40
    for weeks_ago in (4, 3, 2):
        answer(services, ada, weeks_ago, usual)
    answer(services, ada, 1, [*[0.1] * 60, *[None] * 40])  # somebody photographs films otherwise
    answer(services, ada, 0, [0.1, None])
    weeks = drift(services).weeks(ada)
    assert [week.notable for week in weeks[-5:]] == [False, False, False, True, False]
    assert weeks[-3].from_before is not None and weeks[-3].from_before < 0.1
    assert weeks[-1].from_before is None and weeks[-1].from_reference is None  # too few films


def test_a_clinics_own_calibration_moves_no_film_into_another_band(services: Services) -> None:
    ada = services.person()
    answer(services, ada, 0, [0.1] * 3)
    assert drift(services).weeks(ada)[-1].spread.bands == (3, 0, 0, 0, 0)
    services.session.execute(update(ReadingRecord).values(probability=0.5, model_probability=0.1))
    assert drift(services).weeks(ada)[-1].spread.bands == (3, 0, 0, 0, 0)


def test_the_distance_is_the_population_stability_index() -> None:
    here, there = Spread(bands=(600, 0, 0, 0, 400), refused=0), Spread(bands=(400, 0, 0, 0, 600), refused=0)
    assert here.distance(here) == 0
    expected = 2 * 0.2 * np.log(0.6 / 0.4)
    assert here.distance(there) == pytest.approx(expected, rel=0.01)
    assert here.distance(there) == pytest.approx(there.distance(here))
    assert replace(here, bands=(FEWEST_FILMS - 1, 0, 0, 0, 0)).distance(there) is None


def test_films_of_one_population_are_seldom_notable_and_of_another_always() -> None:
    chance = np.random.default_rng(7)

    def drawn(films: int, shares: list[float]) -> Spread:
        *bands, refused = chance.multinomial(films, shares)
        return Spread(bands=tuple(map(int, bands)), refused=int(refused))

    def distances(shares: list[float]) -> list[float]:
        usual = [0.4, 0.1, 0.1, 0.1, 0.25, 0.05]
        pairs = [(drawn(FEWEST_FILMS, shares), drawn(4 * FEWEST_FILMS, usual)) for _ in range(500)]
        return [distance for here, there in pairs if (distance := here.distance(there)) is not None]

    assert sum(distance >= NOTABLE_DISTANCE for distance in distances([0.4, 0.1, 0.1, 0.1, 0.25, 0.05])) <= 5
    assert min(distances([0.1, 0.1, 0.1, 0.1, 0.2, 0.4])) >= NOTABLE_DISTANCE


def test_fewer_films_must_be_farther_apart_than_chance_takes_them() -> None:
    assert limit_of_chance(1000, 4000) == NOTABLE_DISTANCE
    assert limit_of_chance(FEWEST_FILMS, FEWEST_FILMS) == pytest.approx(0.41)
    shares, chance = [0.4, 0.1, 0.1, 0.1, 0.25, 0.05], np.random.default_rng(7)
    drawn = [chance.multinomial(FEWEST_FILMS, shares) for _ in range(2000)]
    spreads = [Spread(bands=tuple(map(int, bands)), refused=int(refused)) for *bands, refused in drawn]
    far = [here.distance(there) or 0 for here, there in zip(spreads[::2], spreads[1::2], strict=True)]
    assert sum(distance >= limit_of_chance(FEWEST_FILMS, FEWEST_FILMS) for distance in far) <= 4  # 1 of 1000


@pytest.mark.parametrize(
    ("distance", "shown"), [(0.1234, "0.12"), (0.25, "0.25"), (0.2478, "0.248"), (0.0998, "0.0998"), (0.1, "0.10")]
)
def test_a_distance_below_a_limit_never_looks_like_the_limit(distance: float, shown: str) -> None:
    assert f"{distance:.{distance_decimals(distance)}f}" == shown


def test_only_an_administrator_sees_it(services: Services) -> None:
    with pytest.raises(NotFound):
        drift(services).weeks(services.person(role=Role.DOCTOR))


def test_the_database_finds_the_weeks_by_an_index_and_their_films_by_others(large: Services) -> None:
    person = large.person("Watcher")
    synthetic.read(large.session, person, MODEL)
    seen = statements(large.session, lambda: drift(large).weeks(person))
    (plan,) = (explained(large.session, statement) for statement in seen if "GROUP BY" in statement[0])
    assert "ix_studies_statistics" in plan
    if large.session.get_bind().dialect.name == "mysql":
        assert "uq_films_study_id_sha256" in plan
        assert "uq_readings_film_id_model_version" in plan
    else:
        assert "SEARCH films USING COVERING INDEX" in plan
        assert "SEARCH readings USING INDEX" in plan


def test_a_reference_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_reference(REFERENCE, tmp_path / "reference.json")
    assert read_reference(tmp_path / "reference.json") == REFERENCE


def test_answers_are_counted_by_fifths() -> None:
    assert spread_of([0.0, 0.2, 0.39, 0.9, None, None]) == Spread(bands=(1, 2, 0, 0, 1), refused=2)
