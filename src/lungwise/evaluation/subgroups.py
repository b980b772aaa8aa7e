"""Verdicts of the films of some kind: by view, by age, by the course of the disease."""

from __future__ import annotations

from collections.abc import Sequence

from lungwise.evaluation import protocol
from lungwise.evaluation.results import EvaluatedFilm, has_both_sides
from lungwise.evaluation.schema import Subgroup
from lungwise.evaluation.sources import task
from lungwise.evaluation.verdicts import verdicts


def by_view(by_source: dict[str, list[EvaluatedFilm]]) -> list[Subgroup]:
    """PA and AP films of each source that says which is which and has COVID-19 labels."""
    found = []
    for source, results in sorted(by_source.items()):
        for view in ("PA", "AP"):
            rows = [r for r in results if r.film.projection == view]
            found += _subgroup(source, f"view {view}", rows)
    return found


def by_age(results: Sequence[EvaluatedFilm]) -> list[Subgroup]:
    """False alarms of adults and of children, label by label, over the sources without positives.

    Shares alone: across sources there is no AUC.
    """
    negatives = [r for r in results if r.film.group == "negative-only"]
    found = []
    for label in sorted({r.film.label for r in negatives}):
        for name, adult in (("adults", True), ("children", False)):
            rows = [r for r in negatives if r.film.label == label and r.film.adult is adult]
            found += _subgroup("negative-only sources", f"{label}, {name}", rows)
    return found


def by_course(by_source: dict[str, list[EvaluatedFilm]]) -> list[Subgroup]:
    """Films by days since admission, and by intensive care, of each source that says so and has COVID-19 labels."""
    found = []
    for source, results in sorted(by_source.items()):
        for first, last, name in _DAYS:
            rows = [r for r in results if r.film.days is not None and first <= r.film.days <= last]
            found += _subgroup(source, f"days {name}", rows)
        for icu, name in ((True, "intensive care"), (False, "no intensive care")):
            found += _subgroup(source, name, [r for r in results if r.film.icu is icu])
    return found


_DAYS = ((0, 1, "0-1"), (2, 6, "2-6"), (7, 13, "7-13"), (14, 10_000, "14 and later"))


def _subgroup(source: str, name: str, results: Sequence[EvaluatedFilm]) -> list[Subgroup]:
    shares = verdicts(results)
    if not shares:
        return []
    questions = [q for q in protocol.QUESTIONS if q.source == source and q.score == protocol.PROBABILITY]
    areas = [task(results, q)["auc"] for q in questions if has_both_sides(results, q)]
    return [
        {
            "source": source,
            "subgroup": name,
            "films": len(results),
            "verdicts": shares,
            "auc": areas[0] if areas else None,
        }
    ]
