from __future__ import annotations

from dataclasses import replace

import pytest

from lungwise.reading.artefact import shipped_card
from lungwise.reading.pattern import normal_of, pattern_of, raised
from lungwise.reading.prevalence import PredictiveValue
from lungwise.reading.reading import Verdict
from lungwise.studies.answers import FilmAnswer, StudyAnswer, film_answer
from lungwise.studies.diagnosis import CHOICES, Diagnosis, agreed_diagnosis, agreement, as_verdict, contradicts, gravest
from lungwise.studies.headlines import Headlines
from lungwise.studies.labels import CONCLUSIONS

CARD = shipped_card()


def answer(verdict: str, *missing: FilmAnswer, **found: float) -> StudyAnswer:
    """What a study says of which one film has these findings, as the shipped model raises them."""
    findings = {"normal": 0.0, "COVID-19": 0.0, "other pneumonia": 0.0, "tuberculosis": 0.0}
    findings |= {"COVID-19" if name == "covid" else name.replace("_", " "): share for name, share in found.items()}
    film = film_answer(
        verdict=Verdict(verdict),
        probability=findings["COVID-19"],
        findings=findings,
        normal=normal_of(findings, CARD.finding_thresholds),
        pattern=pattern_of(findings, Verdict(verdict), CARD.finding_thresholds),
        raised=raised(findings, Verdict(verdict), CARD.finding_thresholds),
        warnings=(),
        model=CARD.name,
        version=CARD.version,
    )
    return StudyAnswer(films=(film, *missing))


@pytest.mark.parametrize(
    ("said", "concluded"),
    [
        (answer("negative", normal=0.999), Diagnosis.NORMAL),
        (answer("negative", tuberculosis=0.9), Diagnosis.TUBERCULOSIS),
        (answer("negative", other_pneumonia=0.9, normal=0.1), Diagnosis.OTHER_PNEUMONIA),
        (answer("negative", normal=0.4), Diagnosis.NO_COVID_19),
        (answer("uncertain", covid=0.5), Diagnosis.UNCERTAIN),
        (answer("positive", covid=0.9, tuberculosis=0.95), Diagnosis.COVID_19),
    ],
)
def test_who_agrees_concludes_what_the_headline_says(said: StudyAnswer, concluded: Diagnosis) -> None:
    assert agreed_diagnosis(said) is concluded
    assert said.verdict is not None
    assert as_verdict(concluded) is said.verdict


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (answer("negative", normal=0.6, tuberculosis=0.31), "Tuberculosis is possible"),
        (answer("negative", covid=0.28, normal=0.1), "only faintly"),
        (answer("negative", FilmAnswer(number=2, is_given_up=True), normal=0.999), "One film could not be read."),
        (answer("negative", FilmAnswer(number=2, is_refused=True), normal=0.999), "One film could not be read."),
        (answer("negative", FilmAnswer(number=2, is_refused=True), normal=0.4), "One film could not be read."),
    ],
)
def test_who_agrees_with_what_is_left_open_leaves_it_open(said: StudyAnswer, words: str) -> None:
    assert words in Headlines(str, PredictiveValue(CARD, 0.1)).of(said).title
    assert agreed_diagnosis(said) is Diagnosis.UNCERTAIN


def test_a_study_without_a_verdict_has_nothing_to_agree_with() -> None:
    assert agreed_diagnosis(StudyAnswer(films=(FilmAnswer(is_refused=True),))) is None
    assert agreed_diagnosis(replace(answer("negative", normal=0.999), is_waiting=True)) is None


def test_every_other_disease_is_no_covid_19() -> None:
    assert as_verdict(Diagnosis.TUBERCULOSIS) is Verdict.NEGATIVE
    assert {as_verdict(one) for one in Diagnosis} == set(Verdict)


def test_a_conclusion_agrees_with_a_verdict_where_both_say_whether_it_is_covid_19() -> None:
    assert agreement(Diagnosis.COVID_19, Verdict.POSITIVE) is True
    assert agreement(Diagnosis.NO_COVID_19, Verdict.NEGATIVE) is True
    assert agreement(Diagnosis.TUBERCULOSIS, Verdict.NEGATIVE) is True
    assert agreement(Diagnosis.TUBERCULOSIS, Verdict.POSITIVE) is False
    assert agreement(Diagnosis.COVID_19, Verdict.NEGATIVE) is False
    assert {agreement(one, Verdict.UNCERTAIN) for one in Diagnosis} == {None}
    assert {agreement(Diagnosis.UNCERTAIN, one) for one in (*Verdict, None)} == {None}
    assert agreement(Diagnosis.COVID_19, None) is None


def test_the_gravest_verdict_of_films_is_a_positive_one_and_those_without_one_do_not_count() -> None:
    assert gravest(["negative", "positive", None, "uncertain"]) is Verdict.POSITIVE
    assert gravest(["uncertain", "negative"]) is Verdict.UNCERTAIN
    assert gravest([None]) is gravest([]) is None


def test_a_form_offers_what_has_a_name() -> None:
    assert set(CHOICES) == set(Diagnosis) - {Diagnosis.NO_COVID_19}
    assert set(CONCLUSIONS) == set(Diagnosis)


def test_who_agrees_that_a_film_is_not_normal_does_not_conclude_that_it_is() -> None:
    ill = (Diagnosis.COVID_19, Diagnosis.TUBERCULOSIS, Diagnosis.OTHER_PNEUMONIA)
    assert all(contradicts(one, Diagnosis.NORMAL) and contradicts(Diagnosis.NORMAL, one) for one in ill)
    assert contradicts(Diagnosis.TUBERCULOSIS, Diagnosis.COVID_19)


def test_who_agrees_may_say_more_than_the_verdict() -> None:
    assert not any(contradicts(one, one) or contradicts(one, None) or contradicts(None, one) for one in Diagnosis)
    assert not any(contradicts(one, Diagnosis.OTHER) or contradicts(one, Diagnosis.UNCERTAIN) for one in Diagnosis)
    assert not contradicts(Diagnosis.OTHER_PNEUMONIA, Diagnosis.TUBERCULOSIS)  # where the headline names both
    assert not any(contradicts(Diagnosis.UNCERTAIN, one) for one in Diagnosis)
