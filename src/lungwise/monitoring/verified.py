"""Verified films: what the model said of a film, and what a test said of its patient, each with its weight.

Who is tested because of the film is not who would have been tested anyway: among them are too few of those whom the
model misses. Counted as they come, they make the model look better than it is (verification bias: Begg & Greenes,
Biometrics 39 (1983) 207). So a clinic's patients are taken apart. Those tested for another reason (symptoms, contact,
routine) stand for themselves. The others are tested, or not, as the verdict on their film asks; those of them who were
tested stand for all who got that verdict, each with the inverse of the share that was tested as weight.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Ints = NDArray[np.int64]


class Verification(IntEnum):
    """Whether and why the patient of a film was tested."""

    NOT_TESTED = 0
    ANYWAY = 1
    """For a reason that the film has no part in."""
    BY_FILM = 2
    """Because of what the model said, or drawn by lot among those of whom it said the same."""


@dataclass(frozen=True, eq=False, kw_only=True)
class ReadFilms:
    """The films of a clinic that can be compared with a test: one of each patient.

    Parameters
    ----------
    score
        (n,) probability of the finding, in [0, 1].
    stratum
        (n,) what was said of the film when it was decided whom to test: a number for each verdict, 0 for the lowest.
    verification
        (n,) of `Verification`.
    positive
        (n,) what the test found; means nothing where none was done.
    day
        (n,) the day on which the film was taken, counted from any day.
    """

    score: Floats
    stratum: Ints
    verification: Ints
    positive: Flags
    day: Ints

    def only(self, some: Flags) -> ReadFilms:
        """Return some of the films."""
        return ReadFilms(
            score=self.score[some],
            stratum=self.stratum[some],
            verification=self.verification[some],
            positive=self.positive[some],
            day=self.day[some],
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class VerifiedFilms:
    """The films whose patients were tested.

    Parameters
    ----------
    score, positive, day
        (n,) as in `ReadFilms`.
    weight
        (n,) how many of the clinic's patients each of them stands for, at least 1.
    whole
        Whether they stand for all of the clinic's patients; if not, for those alone who were tested for another reason
        than the film.
    heaviest
        The highest weight that any patient could have had.
    """

    score: Floats
    positive: Flags
    day: Ints
    weight: Floats
    whole: bool
    heaviest: float

    def only(self, some: Flags) -> VerifiedFilms:
        """Return some of the films, each with its weight."""
        return VerifiedFilms(
            score=self.score[some],
            positive=self.positive[some],
            day=self.day[some],
            weight=self.weight[some],
            whole=self.whole,
            heaviest=self.heaviest,
        )

    @property
    def positives(self) -> VerifiedFilms:
        """Those with the disease."""
        return self.only(self.positive)

    @property
    def negatives(self) -> VerifiedFilms:
        """Those without it."""
        return self.only(~self.positive)


def verified(films: ReadFilms) -> VerifiedFilms:
    """Weigh the tested films.

    Where nobody was tested of those with one of the verdicts, no weight makes up for them: then only those count who
    were tested for another reason than the film.
    """
    anyway, by_film = films.verification == Verification.ANYWAY, films.verification == Verification.BY_FILM
    chances = _chances(films)
    whole = all(chance > 0 for chance in chances.values())
    counted = anyway | by_film if whole else anyway
    chance = np.ones(len(films.score))
    for stratum, value in chances.items():
        chance[by_film & (films.stratum == stratum)] = value
    return VerifiedFilms(
        score=films.score[counted],
        positive=films.positive[counted],
        day=films.day[counted],
        weight=1 / chance[counted],
        whole=whole,
        heaviest=max((1 / value for value in chances.values()), default=1.0) if whole else 1.0,
    )


def unverified_stratum(films: ReadFilms) -> int | None:
    """Return the lowest stratum of which nobody was tested whom another reason had not brought to it; None of none."""
    return min((stratum for stratum, chance in _chances(films).items() if chance == 0), default=None)


def _chances(films: ReadFilms) -> dict[int, float]:
    """The share tested of those in each stratum who were not tested for another reason."""
    others = films.verification != Verification.ANYWAY
    by_film = films.verification == Verification.BY_FILM
    return {
        int(stratum): float(by_film[others & (films.stratum == stratum)].mean())
        for stratum in np.unique(films.stratum[others])
    }
