"""Which films of a collection may be learnt from: none that would be met again where the network is measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from lungwise.films.collection import LabelledFilm
from lungwise.films.twins import join_twins

LeftOut = dict[str, int]
"""How many films are left out, by why."""


class Learnable(NamedTuple):
    """What is left of a collection.

    Parameters
    ----------
    films
        With one patient's name for all patients who share a picture, so that they lie in one fold.
    """

    films: list[LabelledFilm]
    left_out: LeftOut

    def __str__(self) -> str:
        """Say how many films are left out, and why, in one sentence."""
        parts = [f"{count} {why}" for why, count in self.left_out.items()]
        return f"Films left out, since they are there twice: {', '.join(parts) or 'none'}."


def learnable(films: list[LabelledFilm], progress: Callable[[str, int, int], None]) -> Learnable:
    """Leave out films of `train` that show a patient of another split, by the same picture or by another of theirs.

    Films of `train` and `val` are left out whose twin is labelled otherwise: one of the two labels is wrong.

    Raises
    ------
    OSError
        If a film cannot be read.
    """

    def track(items: Iterable[Any], what: str, of: int) -> Iterator[Any]:
        for done, item in enumerate(items, start=1):
            yield item
            progress(what, done, of)

    named, doubtful = join_twins(films, track)
    measured = {film.patient: film.split for film in named if film.split != "train"}
    kept, left_out = list[LabelledFilm](), Counter[str]()
    for film in named:
        if film.split == "train" and film.patient in measured:
            left_out[f"of train with a patient of {measured[film.patient]}"] += 1
        elif film.split in ("train", "val") and film.path in doubtful:
            left_out[f"of {film.split} that the same picture contradicts"] += 1
        else:
            kept.append(film)
    return Learnable(kept, dict(sorted(left_out.items())))
