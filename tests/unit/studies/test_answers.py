from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lungwise.films.refusals import CHILD, PHOTOGRAPH
from lungwise.reading.reading import Normal, Reading, Verdict
from lungwise.studies.answers import FilmAnswer, Level, StudyAnswer, answer_of_reading


def reading(verdict: str, pattern: str | None, warnings: tuple[str, ...] = (), **found: float) -> Reading:
    findings = {"normal": 0.0, "COVID-19": 0.0, "other pneumonia": 0.0, "tuberculosis": 0.0}
    findings |= {"COVID-19" if name == "covid" else name: share for name, share in found.items()}
    return Reading(
        probability=findings["COVID-19"],
        verdict=Verdict(verdict),
        appearance={},
        findings=findings,
        normal=Normal(probability=findings["normal"], called=pattern is None),
        pattern=pattern,
        raised=(pattern,) if pattern else (),
        heat_map=np.zeros((17, 17), np.float32),
        quarter_turns=0,
        model="m",
        version="1",
        warnings=warnings,
    )


NORMAL = answer_of_reading(reading("negative", None, normal=0.9))
TUBERCULOSIS = answer_of_reading(reading("negative", "tuberculosis", tuberculosis=0.7, normal=0.2))
RAISED = answer_of_reading(reading("negative", "tuberculosis", tuberculosis=0.3, normal=0.6))
VAGUE = answer_of_reading(reading("negative", "other", normal=0.01))
COVID = answer_of_reading(reading("positive", "COVID-19", covid=0.9))


def test_a_film_is_green_only_without_a_pattern_and_red_only_where_its_verdict_is_positive() -> None:
    films = (NORMAL, TUBERCULOSIS, RAISED, VAGUE, COVID)
    assert [film.level for film in films] == [Level.GREEN, *[Level.AMBER] * 3, Level.RED]


def test_what_is_likelier_than_a_normal_film_is_suggested_and_what_is_only_raised_is_possible() -> None:
    assert (dict(TUBERCULOSIS.suggested), dict(TUBERCULOSIS.possible)) == ({"tuberculosis": 0.7}, {})
    assert (dict(RAISED.suggested), dict(RAISED.possible)) == ({}, {"tuberculosis": 0.3})
    assert TUBERCULOSIS.normal_leads is False and RAISED.normal_leads is True


@pytest.mark.parametrize(
    ("films", "first"),
    [
        ((NORMAL, VAGUE, RAISED, TUBERCULOSIS, COVID), COVID),
        ((NORMAL, VAGUE, RAISED, TUBERCULOSIS), TUBERCULOSIS),
        ((NORMAL, VAGUE, RAISED), RAISED),
        ((NORMAL, VAGUE), VAGUE),
        ((FilmAnswer(), NORMAL), NORMAL),
    ],
)
def test_the_film_that_is_to_be_seen_first_leads(films: tuple[FilmAnswer, ...], first: FilmAnswer) -> None:
    assert StudyAnswer(films=films).leading is first


def test_a_study_has_the_gravest_verdict_of_its_films_and_of_equal_ones_the_likeliest() -> None:
    negative = answer_of_reading(reading("negative", "COVID-19", covid=0.28))
    uncertain, positive = (
        answer_of_reading(reading(verdict, "COVID-19", covid=0.2)) for verdict in ("uncertain", "positive")
    )
    assert StudyAnswer(films=(negative, uncertain)).covid is uncertain
    assert StudyAnswer(films=(negative, positive, uncertain)).covid is positive
    surer = replace(positive, probability=0.3)
    assert StudyAnswer(films=(surer, positive, negative)).covid is surer


def test_a_study_has_the_verdict_of_its_likeliest_film_and_the_findings_of_all() -> None:
    surer = answer_of_reading(reading("negative", "tuberculosis", tuberculosis=0.8, covid=0.1))
    study = StudyAnswer(films=(NORMAL, RAISED, TUBERCULOSIS, surer, COVID, FilmAnswer(is_refused=True)))
    assert study.verdict == Verdict.POSITIVE
    assert study.suggested == {"COVID-19": 0.9, "tuberculosis": 0.8}
    assert study.possible == ()
    assert StudyAnswer(films=(RAISED,)).possible == ("tuberculosis",)
    assert len(study.read) == 5


def test_a_study_warns_of_what_any_film_warns_of_and_of_a_child() -> None:
    photograph = answer_of_reading(reading("negative", None, (PHOTOGRAPH,), normal=0.9))
    assert StudyAnswer(films=(NORMAL, photograph), is_child=True).warnings == {PHOTOGRAPH, CHILD}
