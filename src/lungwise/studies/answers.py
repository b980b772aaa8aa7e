"""What a film or a study says, in no language: what its headline is made of, light enough for a whole worklist."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from lungwise.films.refusals import CHILD
from lungwise.reading.artefact import shipped_card
from lungwise.reading.extent import Extent
from lungwise.reading.own_thresholds import OwnThresholds
from lungwise.reading.pattern import COVID, normal_leads, raised
from lungwise.reading.reading import Normal, Reading, Verdict


class Level(StrEnum):
    """How a headline is coloured; only a film that is called normal, and where nothing else is raised, is green."""

    GREEN = "green"
    AMBER = "amber"
    RED = "red"
    GREY = "grey"


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmAnswer:
    """What one film says.

    Parameters
    ----------
    key
        The film's; empty where it is of no study.
    number
        Which of the study's films it is, from 1.
    verdict
        None of a film that is not read.
    is_refused
        Whether it cannot be read; otherwise one without a verdict waits.
    is_given_up
        Whether it is read no more for a fault of the machine, until an administrator tries again.
    needs_no_reading
        Whether it was refused for what it shows: a side view, or no chest.
    probability
        Of COVID-19.
    normal
        Calibrated probability that the film is normal.
    normal_leads
        Whether no finding is likelier than that.
    pattern
        As the reading has it: see `reading.pattern`.
    suggested, possible
        Probabilities of the pattern and of the findings that are raised, other than by the verdict: of those that are
        likelier than that the film is normal, and of the others.
    warnings
        Codes of the reading's warnings.
    extent
        How much of the lungs is opaque; None where the model does not say it.
    thresholds
        The clinic's own that it was read by; None of the model's.
    """

    key: str = ""
    number: int = 1
    verdict: Verdict | None = None
    is_refused: bool = False
    is_given_up: bool = False
    needs_no_reading: bool = False
    probability: float = 0.0
    normal: float = 0.0
    normal_leads: bool = False
    pattern: str | None = None
    suggested: Mapping[str, float] = field(default_factory=dict)
    possible: Mapping[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    model: str = ""
    version: str = ""
    extent: Extent | None = None
    thresholds: OwnThresholds | None = None

    @property
    def covid_is_local(self) -> bool:
        """Whether the verdict is by the clinic's thresholds: how often such verdicts are right is then not known."""
        return self.thresholds is not None and self.thresholds.of(COVID) is not None

    @property
    def level(self) -> Level:
        """How the film would be headed if nothing spoke against reading it."""
        if self.verdict == Verdict.POSITIVE:
            return Level.RED
        return Level.AMBER if self.pattern else Level.GREEN

    @property
    def urgency(self) -> tuple[int, bool, float]:
        """Sort key: the film that a doctor should see first has the highest."""
        if self.level is Level.RED:
            return 2, True, self.probability
        likeliest = max([*self.suggested.values(), *self.possible.values()], default=1 - self.normal)
        return int(self.level is Level.AMBER), bool(self.suggested or self.possible), likeliest


def film_answer(
    *,
    key: str = "",
    number: int = 1,
    verdict: Verdict,
    probability: float,
    findings: Mapping[str, float],
    normal: Normal,
    pattern: str | None,
    raised: Collection[str],
    warnings: tuple[str, ...],
    model: str,
    version: str,
    extent: Extent | None = None,
    thresholds: OwnThresholds | None = None,
) -> FilmAnswer:
    """Return what a film says that was read: of its findings, the pattern and those that were raised."""
    names = (pattern or "", *raised)
    present = {name: findings[name] for name in names if name in findings and (name != COVID or name == pattern)}
    return FilmAnswer(
        key=key,
        number=number,
        verdict=verdict,
        probability=probability,
        normal=normal.probability,
        normal_leads=normal_leads(findings),
        pattern=pattern,
        suggested={name: share for name, share in present.items() if share > normal.probability},
        possible={name: share for name, share in present.items() if share <= normal.probability},
        warnings=warnings,
        model=model,
        version=version,
        extent=extent,
        thresholds=thresholds,
    )


def raised_by_thresholds(
    findings: Mapping[str, float], verdict: Verdict, thresholds: OwnThresholds | None
) -> tuple[str, ...]:
    """Name the findings that a reading raised which does not say so itself.

    They go by the clinic's thresholds, where it was read by them, else by the shipped card's.
    """
    of_card = shipped_card().finding_thresholds
    return raised(findings, verdict, thresholds.limits(of_card) if thresholds else of_card)


def answer_of_reading(reading: Reading) -> FilmAnswer:
    """Return what a film says that was just read, of no study."""
    return film_answer(
        verdict=reading.verdict,
        probability=reading.probability,
        findings=reading.findings,
        normal=reading.normal,
        pattern=reading.pattern,
        raised=reading.raised,
        warnings=reading.warnings,
        model=reading.model,
        version=reading.version,
        extent=reading.extent,
        thresholds=reading.thresholds,
    )


@dataclass(frozen=True, kw_only=True)
class StudyAnswer:
    """What a study's films say together.

    Parameters
    ----------
    films
        All of them in their order, also those that were not read.
    is_waiting
        Whether some are still to be read.
    is_child, is_unclear
        Of the patient: that they are no adult, and that it is unclear who they are.
    """

    films: tuple[FilmAnswer, ...]
    is_waiting: bool = False
    is_child: bool = False
    is_unclear: bool = False

    @cached_property
    def read(self) -> tuple[FilmAnswer, ...]:
        """The films that were read."""
        return tuple(film for film in self.films if film.verdict is not None)

    @cached_property
    def missing(self) -> tuple[FilmAnswer, ...]:
        """The films that it says nothing of although it should: refused, or given up. None while some are awaited."""
        unread = () if self.is_waiting else self.films
        return tuple(film for film in unread if film.verdict is None and not film.needs_no_reading)

    @property
    def is_stuck(self) -> bool:
        """Whether there is no answer, for a fault, and nothing of what it waits for is being read."""
        waiting = [film for film in self.films if film.verdict is None and not film.is_refused]
        is_open = self.is_waiting or not self.read
        return is_open and bool(waiting) and all(film.is_given_up for film in waiting)

    @cached_property
    def leading(self) -> FilmAnswer:
        """The film that a doctor should see first."""
        return max(self.read, key=lambda film: film.urgency)

    @cached_property
    def covid(self) -> FilmAnswer:
        """The film that speaks most for COVID-19: the likeliest of those with the gravest verdict.

        Films that were read by different thresholds may have a lower verdict at a higher probability.
        """
        return max(self.read, key=lambda film: (film.verdict.rank if film.verdict else 0, film.probability))

    @property
    def verdict(self) -> Verdict | None:
        """The gravest verdict of the films."""
        return self.covid.verdict

    @property
    def pattern(self) -> str:
        """The pattern of the film that leads; empty of a normal one, which urgency asks."""
        return COVID if self.leading.level is Level.RED else self.leading.pattern or ""

    @cached_property
    def suggested(self) -> dict[str, float]:
        """The findings that the films suggest, the leading film's first, each with its highest probability."""
        found: dict[str, float] = {}
        for film in sorted(self.read, key=lambda film: film.urgency, reverse=True):
            for name, probability in film.suggested.items():
                found[name] = max(probability, found.get(name, 0.0))
        return found

    @cached_property
    def possible(self) -> tuple[str, ...]:
        """The findings that no film suggests, but that are raised on some."""
        names = dict.fromkeys(name for film in self.read for name in film.possible)
        return tuple(name for name in names if name not in self.suggested)

    @property
    def may_be_normal(self) -> bool:
        """Whether of no film that was read a finding is likelier than that it is normal."""
        return all(film.normal_leads for film in self.read)

    @property
    def is_faintly_covid(self) -> bool:
        """Whether a film suggests COVID-19 although the verdict is negative."""
        return self.verdict == Verdict.NEGATIVE and COVID in self.suggested

    @property
    def named_as_suggested(self) -> tuple[str, ...]:
        """The findings that its headline says are there: COVID-19 by the verdict, others where a film suggests them."""
        covid = (COVID,) if self.verdict == Verdict.POSITIVE else ()
        return (*covid, *(name for name in self.suggested if name != COVID))

    @property
    def named_as_possible(self) -> tuple[str, ...]:
        """The findings that it says may be there: COVID-19 by the verdict, or where a film looks faintly like it."""
        covid = (COVID,) if self.verdict == Verdict.UNCERTAIN or self.is_faintly_covid else ()
        return (*covid, *(name for name in self.possible if name != COVID))

    @property
    def named(self) -> tuple[str, ...]:
        """All findings that its headline names."""
        return (*self.named_as_suggested, *self.named_as_possible)

    @cached_property
    def most_opaque(self) -> FilmAnswer | None:
        """The film with the largest extent of opacity; None where no reading says one."""
        said = [film for film in self.read if film.extent]
        return max(said, key=lambda film: film.extent.percent if film.extent else 0.0, default=None)

    @property
    def thresholds(self) -> tuple[str, ...]:
        """The ids of the clinic's own thresholds that its films were read by."""
        return tuple(dict.fromkeys(film.thresholds.id for film in self.read if film.thresholds))

    @property
    def says(self) -> tuple[object, ...]:
        """What its headline says, apart from numbers: as long as a second reading says the same, nothing changed."""
        if not self.read:
            return ()
        findings = frozenset(self.suggested), frozenset(self.possible)
        return self.verdict, self.leading.level, *findings, self.may_be_normal, self.warnings, len(self.missing)

    @cached_property
    def warnings(self) -> frozenset[str]:
        """Codes of what to know before the answer is believed, of any film."""
        codes = {code for film in self.read for code in film.warnings}
        return frozenset(codes | ({CHILD} if self.is_child else set()))
