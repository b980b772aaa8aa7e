"""Which films are in no figure: those whose patient a network may have learnt, and those whose label is in doubt.

Whatever is evaluated: a network may be older than the rule that nobody is learnt from who is measured.
"""

from __future__ import annotations

from collections.abc import Sequence

from lungwise.evaluation.results import Track, check_present
from lungwise.evaluation.schema import NotMeasured
from lungwise.films.collection import LabelledFilm
from lungwise.films.twins import join_twins

_UNSEEN = ("test", "external")


def not_measured(films: Sequence[LabelledFilm], track: Track) -> dict[LabelledFilm, str]:
    """Return the films that are left out, and why.

    Raises
    ------
    OSError, ValueError
        If a film cannot be opened, or is not there.
    """
    check_present(films)
    named, doubtful = join_twins(films, track)
    learnt = {film.patient for film in named if film.split == "train"}
    why = dict[LabelledFilm, str]()
    for film, of_cluster in zip(films, named, strict=True):
        if film.split in _UNSEEN and of_cluster.patient in learnt:
            why[film] = "a picture of the patient is in train"
        elif film.path in doubtful:
            why[film] = "the same picture is labelled otherwise"
    return why


def counted(why: dict[LabelledFilm, str], splits: Sequence[str]) -> list[NotMeasured]:
    """Count the films of some splits that are left out, by split, source and why."""
    groups: dict[tuple[str, str, str], list[LabelledFilm]] = {}
    for film, reason in why.items():
        if film.split in splits:
            groups.setdefault((film.split, film.source, reason), []).append(film)
    return [
        {
            "split": split,
            "source": source,
            "why": reason,
            "films": len(films),
            "patients": len({f.patient for f in films}),
        }
        for (split, source, reason), films in sorted(groups.items())
    ]
