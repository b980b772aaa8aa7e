from __future__ import annotations

import re
from dataclasses import replace

import pytest

from lungwise.films.refusals import BODY_PART, CHILD, IMPOSSIBLE_DATE, PHOTOGRAPH, TURNED_UPRIGHT, UNREADABLE_AGE
from lungwise.reading.artefact import shipped_card
from lungwise.reading.pattern import normal_of, pattern_of, raised
from lungwise.reading.prevalence import PredictiveValue
from lungwise.reading.reading import Verdict
from lungwise.studies.answers import FilmAnswer, Level, StudyAnswer, film_answer
from lungwise.studies.headlines import Headline, Headlines

CARD = shipped_card()
HEADLINES = Headlines(str, PredictiveValue(CARD, 0.1))


def said(verdict: str, number: int = 1, warnings: tuple[str, ...] = (), **found: float) -> FilmAnswer:
    findings = {"normal": 0.0, "COVID-19": 0.0, "other pneumonia": 0.0, "tuberculosis": 0.0}
    findings |= {"COVID-19" if name == "covid" else name.replace("_", " "): share for name, share in found.items()}
    return film_answer(
        key=f"film{number}",
        number=number,
        verdict=Verdict(verdict),
        probability=findings["COVID-19"],
        findings=findings,
        normal=normal_of(findings, CARD.finding_thresholds),
        pattern=pattern_of(findings, Verdict(verdict), CARD.finding_thresholds),
        raised=raised(findings, Verdict(verdict), CARD.finding_thresholds),
        warnings=warnings,
        model=CARD.name,
        version=CARD.version,
    )


NORMAL = said("negative", normal=0.999)
TUBERCULOSIS = said("negative", number=2, tuberculosis=0.92, covid=0.1)
COVID = said("positive", number=3, covid=0.9)


def of(*films: FilmAnswer, is_child: bool = False, is_unclear: bool = False) -> Headline:
    return HEADLINES.of(StudyAnswer(films=films, is_child=is_child, is_unclear=is_unclear))


@pytest.mark.parametrize(
    ("film", "level", "title", "advice"),
    [
        (NORMAL, Level.GREEN, "Looks normal. No COVID-19 pattern seen.", "This does not rule out infection."),
        (
            TUBERCULOSIS,
            Level.AMBER,
            "Not normal. Suggests tuberculosis (92 %): test sputum. No COVID-19 pattern.",
            "This does not rule out infection.",
        ),
        (
            COVID,
            Level.RED,
            "Looks like COVID-19 pneumonia.",
            "Confirm with a PCR test and by examining the patient.",
        ),
        (
            said("positive", covid=0.8, tuberculosis=0.95),
            Level.RED,
            "Looks like COVID-19 pneumonia. Suggests tuberculosis (95 %): test sputum.",
            "Confirm with a PCR test and by examining the patient.",
        ),
        (
            said("positive", covid=0.8, normal=0.9),
            Level.RED,
            "Looks like COVID-19 pneumonia. It may also be normal (90 %).",
            "Confirm with a PCR test and by examining the patient.",
        ),
        (
            said("uncertain", covid=0.4, normal=0.5),
            Level.AMBER,
            "Not clearly normal. May be COVID-19 pneumonia: do a PCR test.",
            "Refer the film to a radiologist.",
        ),
        (
            said("negative", covid=0.2, normal=0.1),
            Level.AMBER,
            "Not normal. Looks most like COVID-19 (20 %), but only faintly: do a PCR test.",
            "This does not rule out infection.",
        ),
        (
            said("negative", normal=0.4),
            Level.AMBER,
            "Not clearly normal. No known pattern stands out: refer the film to a radiologist. No COVID-19 pattern.",
            "This does not rule out infection.",
        ),
    ],
)
def test_a_headline_says_what_is_suggested_and_what_to_do(
    film: FilmAnswer, level: Level, title: str, advice: str
) -> None:
    headline = of(film)
    assert (headline.level, headline.title, headline.advice) == (level, title, advice)
    assert headline.text == f"{title} {advice}"
    assert headline.source is None


def test_the_number_of_covid_is_its_predictive_value_with_the_interval() -> None:
    number, rates = of(COVID).number, CARD.metrics["verdicts"]
    assert number is not None
    found, false = 0.1 * rates["sensitivity"], 0.9 * rates["false_alarms"]
    assert number.value == f"{found / (found + false):.0%}".replace("%", " %")
    said = re.fullmatch(
        r"of results like this turn out to be COVID-19, if 1 in 10 patients have it "
        r"\(95 % interval: (\d+) % to (\d+) %\)",
        number.sentence,
    )
    assert said is not None
    assert int(said[1]) < int(number.value.split()[0]) < int(said[2])


def test_the_number_of_anything_else_is_a_calibrated_probability_and_says_so() -> None:
    numbers = [of(film).number for film in (TUBERCULOSIS, NORMAL, replace(COVID, version="0.1"))]
    assert [(number.value, number.sentence) for number in numbers if number] == [
        ("92 %", "Tuberculosis: calibrated probability"),
        ("> 99 %", "Normal: calibrated probability"),
        ("90 %", "COVID-19: calibrated probability"),
    ]


@pytest.mark.parametrize("film", [NORMAL, TUBERCULOSIS, COVID])
def test_a_childs_headline_is_grey_says_so_first_and_still_says_what_was_found(film: FilmAnswer) -> None:
    for headline in (of(film, is_child=True), of(replace(film, warnings=(CHILD,)))):
        assert headline.level == Level.GREY
        assert headline.title == f"Not made for children. {of(film).title}"
        assert headline.number is None


@pytest.mark.parametrize(
    ("code", "caution"),
    [
        (PHOTOGRAPH, "Read from a photograph, less surely than from the film."),
        (TURNED_UPRIGHT, "The film was turned upright: check its sides."),
        (UNREADABLE_AGE, "Age unclear: do not rely on this for a child."),
        (IMPOSSIBLE_DATE, "A date in the header cannot be right: check whose film this is, and their age."),
    ],
)
def test_what_speaks_against_a_film_is_in_its_headline_and_no_such_film_is_green(code: str, caution: str) -> None:
    for film, level in ((NORMAL, Level.GREY), (TUBERCULOSIS, Level.AMBER), (COVID, Level.RED)):
        headline = of(replace(film, warnings=(code,)))
        assert (headline.level, headline.cautions) == (level, (caution,))


def test_a_film_whose_header_names_another_part_may_be_green() -> None:
    headline = of(replace(NORMAL, warnings=(BODY_PART,)))  # consoles leave it at their default
    assert (headline.level, headline.cautions) == (Level.GREEN, ())


def test_an_unclear_identity_is_in_the_headline() -> None:
    headline = of(NORMAL, is_unclear=True)
    assert headline.level == Level.GREY
    assert headline.title.startswith("Identity unclear: make sure whose film this is. Looks normal.")


def test_a_study_is_headed_by_the_film_that_a_doctor_should_see_first() -> None:
    normal = [replace(NORMAL, number=number, key=f"film{number}") for number in range(4, 8)]
    both = of(NORMAL, TUBERCULOSIS, COVID, *normal)
    assert both.level == Level.RED
    assert both.title == "Looks like COVID-19 pneumonia. Suggests tuberculosis (92 %): test sputum."
    assert both.source is not None
    assert (both.source.film, both.source.number) == ("film3", 3)
    assert both.source.sentence == "Not normal: 2 of 7 films; highest: film 3."


def test_of_two_films_that_are_amber_the_surer_leads() -> None:
    unsure = said("uncertain", number=1, covid=0.5)
    headline = of(unsure, TUBERCULOSIS)
    assert headline.source is not None and headline.source.number == 2
    assert headline.title == (
        "Not normal. Suggests tuberculosis (92 %): test sputum. May be COVID-19 pneumonia: do a PCR test."
    )
    vague = said("negative", number=1, normal=0.1)
    assert of(vague, said("negative", number=2, normal=0.9, tuberculosis=0.8)).source.number == 2  # type: ignore[union-attr]


def test_a_study_looks_most_like_covid_only_where_the_film_that_leads_does() -> None:
    faint = said("negative", covid=0.22, normal=0.1)
    assert of(faint, TUBERCULOSIS).title == (
        "Not normal. Suggests tuberculosis (92 %): test sputum. "
        "One film looks faintly like COVID-19 (22 %): do a PCR test."
    )
    assert of(faint, said("negative", number=2, normal=0.9)).title == of(faint).title


def test_a_film_that_is_positive_by_other_thresholds_heads_a_study_above_a_likelier_one() -> None:
    headline = of(said("negative", covid=0.28, normal=0.1), said("positive", number=2, covid=0.2, normal=0.1))
    assert headline.level == Level.RED
    assert headline.title == "Looks like COVID-19 pneumonia."
    assert headline.advice == "Confirm with a PCR test and by examining the patient."
    assert headline.source is not None and headline.source.number == 2


def test_films_that_need_no_reading_are_counted() -> None:
    lateral = FilmAnswer(number=2, is_refused=True, needs_no_reading=True)
    assert of(NORMAL, lateral).title == of(NORMAL).title
    assert of(NORMAL, lateral).level == Level.GREEN
    assert of(NORMAL, lateral).source.sentence == "1 of 2 films were read; none stands out."  # type: ignore[union-attr]
    assert of(TUBERCULOSIS, lateral).source.sentence == (  # type: ignore[union-attr]
        "Not normal: 1 of 2 films; highest: film 2. Films that are not frontal chest films: 1."
    )


@pytest.mark.parametrize("film", [FilmAnswer(number=2, is_refused=True), FilmAnswer(number=2, is_given_up=True)])
def test_a_study_is_not_called_normal_where_a_film_of_it_could_not_be_read(film: FilmAnswer) -> None:
    headline = of(NORMAL, film)
    assert headline.level == Level.GREY
    assert headline.title == "One film could not be read. The rest looks normal. No COVID-19 pattern seen."
    assert headline.text.startswith(headline.title)
    assert of(NORMAL, film, film).title.startswith("2 films could not be read. The rest looks normal.")
    for read, level in ((TUBERCULOSIS, Level.AMBER), (COVID, Level.RED)):
        assert (of(read, film).level, of(read, film).title) == (level, f"One film could not be read. {of(read).title}")
    study = StudyAnswer(films=(NORMAL, film))
    assert HEADLINES.of_film(NORMAL, study).level == Level.GREEN  # that film was looked at


def test_a_study_whose_only_film_a_fault_kept_from_being_read_says_so() -> None:
    headline = of(FilmAnswer(is_given_up=True))
    assert headline.advice == "A fault kept Lungwise from reading the film. Tell your administrator."
    assert of(FilmAnswer(is_refused=True)).advice.startswith("No film of this study could be read.")


def test_a_child_by_one_films_header_is_a_child_on_each_film() -> None:
    child = replace(NORMAL, number=2, warnings=(CHILD,))
    study = StudyAnswer(films=(COVID, child))
    assert HEADLINES.of(study).level == Level.GREY
    headline = HEADLINES.of_film(COVID, study)
    assert (headline.level, headline.number, headline.is_child) == (Level.GREY, None, True)
    assert headline.title.startswith("Not made for children. Looks like COVID-19 pneumonia.")


def test_what_is_not_read_is_grey_and_waits_or_was_refused() -> None:
    waiting, refused = FilmAnswer(), FilmAnswer(is_refused=True)
    assert [HEADLINES.of_film(film).sentences for film in (waiting, refused)] == [("Being read.",), ("Not read.",)]
    study = StudyAnswer(films=(COVID, waiting), is_waiting=True)
    assert (HEADLINES.of(study).level, HEADLINES.of(study).sentences) == (Level.GREY, ("Being read.",))
    assert HEADLINES.of_film(COVID, study).sentences == ("Looks like COVID-19 pneumonia.",)


def test_a_film_that_a_fault_keeps_from_being_read_is_not_called_being_read() -> None:
    given_up, waiting, refused = (
        FilmAnswer(is_given_up=True),
        FilmAnswer(number=2),
        FilmAnswer(number=2, is_refused=True),
    )
    stuck = HEADLINES.of(StudyAnswer(films=(given_up, refused), is_waiting=True))
    assert (stuck.level, stuck.title) == (Level.GREY, "Not read.")
    assert stuck.advice == "A fault kept Lungwise from reading the film. Tell your administrator."
    assert HEADLINES.of(StudyAnswer(films=(given_up, waiting), is_waiting=True)).title == "Being read."
    assert HEADLINES.of_film(given_up).title == "Not read."


def test_a_film_of_a_study_is_headed_with_what_speaks_against_its_patient() -> None:
    study = StudyAnswer(films=(NORMAL, TUBERCULOSIS), is_child=True)
    assert HEADLINES.of_film(NORMAL, study).title.startswith("Not made for children. Looks normal.")
