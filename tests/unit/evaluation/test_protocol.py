"""What is asked of which source."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lungwise.evaluation.protocol import (
    ABNORMAL,
    CONTROLLED,
    PROBABILITY,
    QUESTIONS,
    chooses_operating_point,
    is_controlled,
    reported_as,
    score_of,
)
from lungwise.films.collection import LabelledFilm
from lungwise.reading import Reading
from lungwise.reading.findings import FINDING_NAMES


def test_no_question_is_asked_of_sources_of_one_label() -> None:
    one_label = {"hannover", "radiography-covid", "rsna-normal", "normal-mendeley", "tb-mendeley", "tb-belarus"}
    assert not one_label & {question.source for question in QUESTIONS}


def test_the_disease_is_asked_only_where_one_source_has_it_and_has_it_not() -> None:
    asked = {question.source for question in QUESTIONS if question.score in (PROBABILITY, ABNORMAL, "COVID-19")}
    assert asked == {"siim", "cohen-radiopaedia.org"}


def test_every_score_can_be_given(reading: Callable[..., Reading]) -> None:
    said = reading(0.75, tuberculosis=0.1)
    assert score_of(said, PROBABILITY) == 0.75
    assert score_of(said, ABNORMAL) == 0.75
    assert score_of(said, "tuberculosis") == 0.1
    assert all(question.score in (PROBABILITY, ABNORMAL, *FINDING_NAMES) for question in QUESTIONS)


def test_an_unknown_score_is_an_error(reading: Callable[..., Reading]) -> None:
    with pytest.raises(ValueError, match="'influenza'"):
        score_of(reading(), "influenza")


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("cohen-academic.oup.com", "cohen"),
        ("cohen-radiopaedia.org", "cohen-radiopaedia.org"),
        ("siim", "siim"),
        ("ood-ct", "ood-ct"),
    ],
)
def test_hosts_of_the_mixed_collection_are_pooled_but_the_external_one(source: str, name: str) -> None:
    assert reported_as(source) == name


def test_the_controlled_question_is_of_both_kinds_of_films_of_one_source(film: Callable[..., LabelledFilm]) -> None:
    assert is_controlled(film(label=CONTROLLED.positive[0])) and is_controlled(film(label=CONTROLLED.negative[0]))
    assert not is_controlled(film(source="nih")) and not is_controlled(film(label="atypical appearance"))


def test_only_negative_validation_films_choose_the_operating_point(film: Callable[..., LabelledFilm]) -> None:
    assert chooses_operating_point(film(split="val"))
    assert not chooses_operating_point(film(split="test"))
    assert not chooses_operating_point(film(split="val", label=CONTROLLED.positive[0]))
    assert not chooses_operating_point(film(split="val", source="nih"))
