from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from lungwise.monitoring.answer_table import AnswerTable
from lungwise.monitoring.drift import ALIKE, FEWEST_FILMS, NOTABLE_DISTANCE
from lungwise.monitoring.shift import Cause, Shift, distance, prevalences, shift_of
from lungwise.studies.models import monday

WEEK = monday(date(2026, 3, 2)).toordinal()
FILMS = 2000


def answers(weeks_ago: int, ill: float, seed: int, films: int = FILMS) -> AnswerTable:
    """The answers of a model whose probabilities are calibrated where a tenth is ill, to a clinic where so many are."""
    random = np.random.default_rng(seed)
    odds = random.normal(np.where(random.random(films) < ill, 1.5, -1.5), 1.732)  # ln f1/f0 is the score itself
    probability = 1 / (1 + np.exp(-(odds + np.log(0.1 / 0.9))))
    known = {name: random.normal(0.5, 0.1, films) for name in ("gate", "grey", "contrast")}
    return AnswerTable(
        study=np.arange(films),
        week=np.full(films, WEEK - 7 * weeks_ago),
        probability=probability,
        refusal=np.full(films, "", object),
        device=np.full(films, "A 1", object),
        view=np.array(["AP", "PA"] * (films // 2), object),
        photograph=np.zeros(films, bool),
        **known,
    )


def shift(before: AnswerTable, now: AnswerTable) -> Shift:
    found = shift_of(AnswerTable.joined([before, now]), WEEK)
    assert found is not None
    return found


def test_where_nothing_has_changed_nothing_is_found() -> None:
    found = shift(answers(6, 0.1, 1), answers(1, 0.1, 2))
    assert found.cause is Cause.NONE
    assert max(found.total, *found.features.values()) < 0.05
    assert found.prevalence_now == pytest.approx(found.prevalence_before, abs=0.03)


def test_more_patients_are_told_from_other_pictures() -> None:
    found = shift(answers(6, 0.1, 1), answers(1, 0.5, 2))
    assert found.cause is Cause.PREVALENCE
    assert found.total > ALIKE
    assert found.by_prevalence > 5 * found.rest
    assert (found.prevalence_before, found.prevalence_now) == pytest.approx((0.1, 0.5), abs=0.05)


def test_another_device_and_another_exposure_are_other_pictures() -> None:
    now = answers(1, 0.1, 2)
    changed = replace(now, device=np.full(FILMS, "B 2", object), grey=now.grey + 0.2)
    found = shift(answers(6, 0.1, 1), changed)
    assert found.cause is Cause.PICTURES
    assert found.features["device"] > NOTABLE_DISTANCE < found.features["grey"]
    assert found.features["view"] < 0.05
    stretched = replace(changed, probability=1 / (1 + np.exp(-np.random.default_rng(3).normal(0, 0.3, FILMS))))
    assert shift(answers(6, 0.1, 1), stretched).cause is Cause.PICTURES
    assert shift(answers(6, 0.1, 1), replace(stretched, device=now.device, grey=now.grey)).cause is Cause.UNKNOWN
    assert shift(answers(6, 0.1, 1), replace(answers(1, 0.5, 2), grey=changed.grey)).cause is Cause.BOTH


def test_too_few_films_are_not_compared_and_refused_ones_do_not_count() -> None:
    few = answers(1, 0.1, 2, FEWEST_FILMS - 2)
    assert shift_of(AnswerTable.joined([answers(6, 0.1, 1), few]), WEEK) is None
    refused = replace(answers(1, 0.1, 2), probability=np.full(FILMS, np.nan))
    assert shift_of(AnswerTable.joined([answers(6, 0.1, 1), refused]), WEEK) is None
    assert shift_of(AnswerTable.of([]), WEEK) is None


def test_what_is_known_of_no_film_is_left_out() -> None:
    before, now = answers(6, 0.1, 1), answers(1, 0.1, 2)
    nothing = {"gate": np.full(FILMS, np.nan), "device": np.full(FILMS, "", object)}
    found = shift(replace(before, **nothing), replace(now, **nothing))
    assert set(found.features) == {"grey", "contrast", "view", "photograph"}


def test_films_of_the_last_four_weeks_are_compared_with_the_twelve_before() -> None:
    tables = [answers(ago, 0.1, ago, 200) for ago in (0, 3, 4, 15, 16)]
    found = shift_of(AnswerTable.joined(tables), WEEK)
    assert found is not None
    assert (found.films_now, found.films_before) == (400, 400)
    assert timedelta(days=7 * 16).days == 112


def test_the_distance_is_the_population_stability_index() -> None:
    assert distance(np.array([5000.0, 5000.0]), np.array([6000.0, 4000.0])) == pytest.approx(0.0405, abs=0.001)
    assert distance(np.array([3.0, 4.0]), np.array([3.0, 4.0])) == 0


def test_prevalence_stays_a_share_whatever_the_scores() -> None:
    assert prevalences(np.zeros(100), np.ones(100))[1] < 1
    assert prevalences(np.ones(100), np.zeros(100))[1] > 0
