from __future__ import annotations

from datetime import date

import numpy as np

from lungwise.monitoring.film_table import FINDINGS, HIGH, LOW, MIDDLE, FilmTable
from lungwise.monitoring.local_films import LocalFilms
from lungwise.monitoring.local_report import LocalReport, levels_of, report, thresholds_of
from lungwise.monitoring.verified import ReadFilms, Verification
from lungwise.reading.artefact import Thresholds, shipped_card
from lungwise.reading.pattern import COVID

THRESHOLDS = Thresholds(lower=0.3, upper=0.6)
DAY = date(2026, 3, 2).toordinal()


def local(verification: Verification = Verification.ANYWAY, tested_negatives: bool = True) -> LocalFilms:
    """Forty films, every other of a patient with COVID-19, half of them from each of two devices."""
    score = np.linspace(0.05, 0.95, 40)
    stratum = np.where(score < 0.3, LOW, np.where(score < 0.6, MIDDLE, HIGH))
    rows = [
        (n, n, n, DAY - 40 * (n % 2), (score[n],) * 4, (stratum[n],) * 4, 0, 30 + n, "FM"[n % 2], "PA", "AB"[n % 2])
        for n in range(40)
    ]
    tested = np.full(40, verification, np.int64)
    if not tested_negatives:
        tested[stratum == LOW] = Verification.NOT_TESTED
    films = ReadFilms(
        score=score, stratum=stratum, verification=tested, positive=np.arange(40) % 2 == 1, day=np.full(40, DAY)
    )
    result = np.arange(1, 41) * (tested > 0)
    return LocalFilms(films=films, table=FilmTable.of(rows), result=result, left_out=2)


def made(films: LocalFilms) -> LocalReport:
    return report(COVID, films, THRESHOLDS)


def test_a_report_counts_what_was_said_and_found() -> None:
    found = made(local())
    assert (found.patients, found.tested, found.left_out) == (40, 40, 2)
    assert [(one.level, one.films) for one in found.strata] == [(LOW, 11), (MIDDLE, 13), (HIGH, 16)]
    assert sum(one.positive for one in found.strata) == found.accuracy.positives == 20
    assert found.accuracy.auc is not None
    assert [one.cost.threshold for one in found.costs if one.in_force] == [0.3, 0.6]
    assert found.costs[0].cost.missed == 0


def test_the_groups_part_the_films() -> None:
    groups = made(local()).groups
    assert {kind: [one.label for one in of_kind] for kind, of_kind in groups.items()} == {
        "view": ["PA"],
        "sex": ["F", "M"],
        "device": ["A", "B"],
        "age": ["18-39", "40-59", "≥ 60"],
        "month": ["2026-03", "2026-01"],
    }
    for of_kind in groups.values():
        assert sum(one.accuracy.positives + one.accuracy.negatives for one in of_kind) == 40


def test_where_no_negative_film_was_tested_nothing_stands_for_the_clinic() -> None:
    found = made(local(Verification.BY_FILM, tested_negatives=False))
    assert (found.whole, found.unverified) == (False, LOW)
    assert (found.tested, found.accuracy.positives) == (29, 0)
    assert made(local(Verification.BY_FILM)).unverified is None


def test_a_finding_without_an_uncertain_range_has_one_threshold() -> None:
    card = shipped_card()
    assert thresholds_of(card, COVID) == card.thresholds
    for finding in FINDINGS[1:]:
        one = thresholds_of(card, finding)
        assert one.lower == one.upper == card.finding_thresholds.get(finding, 0.5)
        assert levels_of(finding) == (LOW, HIGH)
