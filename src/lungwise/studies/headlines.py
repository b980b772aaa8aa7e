"""The headline of a film or a study: what was found, and what to do. Every face says it in these words.

It is made of a `StudyAnswer`, which holds no word of any language.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from lungwise.films.refusals import (
    CHILD,
    IMPOSSIBLE_DATE,
    N_,
    PHOTOGRAPH,
    TURNED_UPRIGHT,
    UNREADABLE_AGE,
    Words,
)
from lungwise.reading.findings import finding_named
from lungwise.reading.pattern import COVID, NORMAL, OTHER
from lungwise.reading.prevalence import PredictiveValue, ShareIll
from lungwise.reading.reading import Verdict
from lungwise.studies.answers import FilmAnswer, Level, StudyAnswer
from lungwise.studies.numbers import in_words, percent


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadingNumber:
    """The one number of a headline, and the sentence that it begins."""

    value: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """From which of several films a headline comes: its key and number, and a sentence that names it."""

    film: str
    number: int
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """What is said first of a film or a study, in one language.

    Parameters
    ----------
    cautions
        Why the answer is to be doubted: a child, a photograph, a turned film, an unclear identity or age, a film that
        could not be read.
    sentences
        What was found, and what to do about it.
    advice
        What else to do, or to keep in mind.
    is_child
        Whether the model was not made for this patient: then that is to be read first.
    number, source
        None where there is none: of a film that was not read, of a child; of a study of one film.
    """

    level: Level
    cautions: tuple[str, ...] = ()
    sentences: tuple[str, ...]
    advice: str = ""
    is_child: bool = False
    number: LeadingNumber | None = None
    source: Source | None = None

    @property
    def title(self) -> str:
        """Cautions and sentences as one line."""
        return " ".join((*self.cautions, *self.sentences))

    @property
    def remarks(self) -> tuple[str, ...]:
        """What is said of the number, and from which film it comes, where there is something to say."""
        number = (f"{self.number.value} {self.number.sentence}.",) if self.number else ()
        return (*number, self.source.sentence) if self.source else number

    @property
    def text(self) -> str:
        """The title and the advice."""
        return " ".join(filter(None, (self.title, self.advice)))


_WAITING: Final = N_("Being read."), N_("The films are saved and are being read.")
_REFUSED: Final = N_("Not read."), N_("No film of this study could be read. Each film says why, and what to do.")
_NORMAL: Final = N_("Looks normal."), N_("No COVID-19 pattern seen.")
_REST_NORMAL: Final = N_("The rest looks normal."), _NORMAL[1]
_STUCK: Final = N_("Not read."), N_("A fault kept Lungwise from reading the film. Tell your administrator.")
_ABNORMAL, _DOUBTFUL = N_("Not normal."), N_("Not clearly normal.")
_OTHER: Final = N_("No known pattern stands out: refer the film to a radiologist.")
_COVID: Final = {
    Verdict.POSITIVE: N_("Looks like COVID-19 pneumonia."),
    Verdict.UNCERTAIN: N_("May be COVID-19 pneumonia: do a PCR test."),
    Verdict.NEGATIVE: N_("No COVID-19 pattern."),
}
_OR_NORMAL: Final = N_("It may also be normal (%(probability)s).")
_FAINT_COVID: Final = N_("Looks most like COVID-19 (%(probability)s), but only faintly: do a PCR test.")
_FAINT_ON_ANOTHER: Final = N_("One film looks faintly like COVID-19 (%(probability)s): do a PCR test.")
_ADVICE: Final = {
    Verdict.POSITIVE: N_("Confirm with a PCR test and by examining the patient."),
    Verdict.UNCERTAIN: N_("Refer the film to a radiologist."),
    Verdict.NEGATIVE: N_("This does not rule out infection."),
}
_UNCLEAR = "identity-unclear"
_CAUTIONS: Final = {
    CHILD: N_("Not made for children."),
    UNREADABLE_AGE: N_("Age unclear: do not rely on this for a child."),
    _UNCLEAR: N_("Identity unclear: make sure whose film this is."),
    IMPOSSIBLE_DATE: N_("A date in the header cannot be right: check whose film this is, and their age."),
    PHOTOGRAPH: N_("Read from a photograph, less surely than from the film."),
    TURNED_UPRIGHT: N_("The film was turned upright: check its sides."),
}
_MISSING: Final = N_("One film could not be read."), N_("%(count)s films could not be read.")
"""Beside the cautions: nothing of a study is called normal where a film of it was not looked at."""
_SHARE_ILL: Final = N_("of results like this turn out to be COVID-19, if %(prevalence)s patients have it")
_INTERVAL: Final = N_("(95 %% interval: %(lower)s to %(upper)s)")
_CALIBRATED: Final = N_("%(finding)s: calibrated probability")
_ABNORMAL_FILMS: Final = N_("Not normal: %(count)s of %(films)s films; highest: film %(number)s.")
_NORMAL_FILMS: Final = N_("%(count)s of %(films)s films were read; none stands out.")
_OTHER_FILMS: Final = N_("Films that are not frontal chest films: %(count)s.")
_SHARE_OF: Final = N_("%(part)s in %(whole)s")


class Headlines:
    """Writes headlines in one language.

    Parameters
    ----------
    words
        Translates a message id.
    predictive_value
        Of the shipped model, at the clinic's prevalence.
    """

    def __init__(self, words: Words, predictive_value: PredictiveValue) -> None:
        self._words = words
        self._predictive_value = predictive_value

    def of_film(self, film: FilmAnswer, study: StudyAnswer | None = None) -> Headline:
        """Write the headline of one film, of a study's patient: a child by any film of it is one on each."""
        study = study or StudyAnswer(films=(film,))
        is_waiting = film.verdict is None and not film.is_refused
        return self.of(replace(study, films=(film,), is_waiting=is_waiting, is_child=CHILD in study.warnings))

    def of(self, answer: StudyAnswer) -> Headline:
        """Write the headline of a study."""
        if answer.is_waiting or not answer.read:
            sentence, advice = map(self._words, _unread(answer))
            return Headline(level=Level.GREY, sentences=(sentence,), advice=advice)
        is_child, cautions = CHILD in answer.warnings, tuple(self._cautions(answer))
        return Headline(
            level=_level(answer, is_child=is_child, is_doubted=bool(cautions)),
            cautions=cautions,
            sentences=tuple(self._sentences(answer)),
            advice=self._words(_ADVICE[answer.verdict or Verdict.NEGATIVE]),
            is_child=is_child,
            number=None if is_child else self._number(answer),
            source=self._source(answer) if len(answer.films) > 1 else None,
        )

    def _cautions(self, answer: StudyAnswer) -> Iterator[str]:
        for code, caution in _CAUTIONS.items():
            if code in answer.warnings or (code == _UNCLEAR and answer.is_unclear):
                yield self._words(caution)
        if answer.missing:
            yield missing_sentence(self._words, len(answer.missing))

    def _sentences(self, answer: StudyAnswer) -> list[str]:
        if answer.leading.level is Level.GREEN:
            return [self._words(sentence) for sentence in (_REST_NORMAL if answer.missing else _NORMAL)]
        found = [*self._suggestions(answer), *self._possibilities(answer)]
        if answer.verdict == Verdict.POSITIVE:
            or_normal = self._words(_OR_NORMAL) % {"probability": percent(answer.leading.normal)}
            return [self._covid(answer), *found, *([or_normal] if answer.may_be_normal else [])]
        opening = _DOUBTFUL if answer.may_be_normal else _ABNORMAL
        if not (answer.suggested or answer.possible) and answer.leading.pattern == OTHER:
            found = [self._words(_OTHER)]
        return [self._words(opening), *found, self._covid(answer)]

    def _suggestions(self, answer: StudyAnswer) -> Iterator[str]:
        for name, probability in answer.suggested.items():
            if name != COVID:  # which has a sentence of its own
                values = {"probability": percent(probability), "finding": name}
                yield self._words(finding_named(name).suggestion) % values

    def _possibilities(self, answer: StudyAnswer) -> Iterator[str]:
        for name in answer.possible:
            if name != COVID:
                yield self._words(finding_named(name).possibility) % {"finding": name}

    def _covid(self, answer: StudyAnswer) -> str:
        if answer.is_faintly_covid:
            template = _FAINT_COVID if answer.leading.pattern == COVID else _FAINT_ON_ANOTHER
            return self._words(template) % {"probability": percent(answer.suggested[COVID])}
        return self._words(_COVID[answer.verdict or Verdict.NEGATIVE])

    def _number(self, answer: StudyAnswer) -> LeadingNumber:
        """Choose the predictive value of COVID-19's verdict, or the calibrated probability of what leads."""
        film = answer.leading
        if film.level is Level.RED or (film.pattern == COVID and film.verdict == Verdict.UNCERTAIN):
            known = None if film.covid_is_local else film.verdict
            share = self._predictive_value.share_ill(known, film.model, film.version)
            return self._share_ill(share) if share else self._calibrated(COVID, film.probability)
        if film.pattern is not None and film.pattern in film.suggested:
            return self._calibrated(film.pattern, film.suggested[film.pattern])
        return self._calibrated(NORMAL, film.normal)

    def _share_ill(self, share: ShareIll) -> LeadingNumber:
        prevalence = self._words(_SHARE_OF) % in_words(self._predictive_value.prevalence)
        sentence = self._words(_SHARE_ILL) % {"prevalence": prevalence}
        if share.interval:
            lower, upper = map(percent, share.interval)
            sentence += " " + self._words(_INTERVAL) % {"lower": lower, "upper": upper}
        return LeadingNumber(value=percent(share.value), sentence=sentence)

    def _calibrated(self, name: str, probability: float) -> LeadingNumber:
        finding = self._words(finding_named(name).label)
        return LeadingNumber(value=percent(probability), sentence=self._words(_CALIBRATED) % {"finding": finding})

    def _source(self, answer: StudyAnswer) -> Source:
        film, films, read = answer.leading, len(answer.films), len(answer.read)
        abnormal = sum(one.level is not Level.GREEN for one in answer.read)
        template = _ABNORMAL_FILMS if abnormal else _NORMAL_FILMS
        values = {"count": abnormal or read, "films": films, "number": film.number}
        sentence = self._words(template) % values
        if abnormal and (others := sum(one.needs_no_reading for one in answer.films)):
            sentence += " " + self._words(_OTHER_FILMS) % {"count": others}
        return Source(film=film.key, number=film.number, sentence=sentence)


def _unread(answer: StudyAnswer) -> tuple[str, str]:
    """Choose what is said of a study that has no answer yet, or none at all."""
    if answer.is_stuck:
        return _STUCK
    return _WAITING if answer.is_waiting else _REFUSED


def _level(answer: StudyAnswer, *, is_child: bool, is_doubted: bool) -> Level:
    """Colour a headline: a child's is grey, and nothing is called normal where something speaks against it."""
    level = answer.leading.level
    return Level.GREY if is_child or (is_doubted and level is Level.GREEN) else level


def missing_sentence(words: Words, count: int) -> str:
    """Say that one film or more could not be read."""
    one, several = _MISSING
    return words(several if count > 1 else one) % {"count": count}
