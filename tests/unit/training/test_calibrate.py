from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from lungwise.films.collection import LabelledFilm
from lungwise.reading.findings import FINDING_NAMES
from lungwise.training.calibrate import finding_thresholds, gate, is_without, scaling, thresholds, truth_of

pytestmark = pytest.mark.training


def test_the_scaling_undoes_overconfidence_and_what_all_odds_lack() -> None:
    rng = np.random.default_rng(0)
    honest = rng.normal(0, 2, 20_000)
    positive = rng.random(20_000) < 1 / (1 + np.exp(-honest))

    as_it_is, lacking = scaling(honest, positive), scaling((honest - 2) * 3, positive)
    np.testing.assert_allclose([as_it_is.temperature, as_it_is.offset], [1, 0], atol=0.06)
    np.testing.assert_allclose([lacking.temperature, lacking.offset], [3, 2], atol=0.15)


def test_the_gate_turns_few_good_films_away_and_those_that_are_least_like_one() -> None:
    upright = np.linspace(0.001, 1, 1000)

    assert (upright < gate(upright)).sum() == 2
    assert gate(np.array([0.4, 0.9])) == 0.4


def test_the_gate_asks_for_no_more_than_it_may_of_a_good_film() -> None:
    assert gate(np.full(1000, 0.999)) == 0.9


def test_the_thresholds_keep_what_they_promise() -> None:
    rng = np.random.default_rng(1)
    probability = np.concatenate([rng.beta(5, 2, 400), rng.beta(2, 5, 300)])
    positive = np.arange(700) < 400

    limits = thresholds(probability, positive, probability)

    assert limits.lower < limits.upper
    assert (probability[positive] >= limits.lower).mean() >= 0.95
    assert (probability[~positive] < limits.upper).mean() >= 0.95


def test_well_parted_classes_leave_nothing_uncertain() -> None:
    probability = np.array([0.1, 0.2, 0.3, 0.7, 0.8, 0.9])

    limits = thresholds(probability, probability > 0.5, probability)

    assert limits.lower == limits.upper


def test_of_the_gaps_that_fit_one_is_taken_that_rounding_carries_no_film_across() -> None:
    rng = np.random.default_rng(1)
    exact = np.concatenate([rng.beta(5, 2, 400), rng.beta(2, 5, 300)])
    rounded = exact + rng.normal(0, 0.0005, 700)

    limits = thresholds(rounded, np.arange(700) < 400, exact)

    for limit in (limits.lower, limits.upper):
        assert not ((rounded < limit) != (exact < limit)).any()


@given(arrays(np.float64, 60, elements=st.floats(0.001, 0.999)))
def test_the_lower_threshold_is_never_above_the_upper(
    probability: NDArray[np.float64],
) -> None:
    limits = thresholds(probability, np.arange(60) % 2 == 0, probability)

    assert 0 <= limits.lower <= limits.upper <= 1


def film(source: str, label: str, covid: bool | None = None, adult: bool = True) -> LabelledFilm:
    return LabelledFilm(
        path=Path("film.png"),
        split="val",
        source=source,
        group="",
        patient="p",
        covid=covid,
        label=label,
        finding="",
        view="",
        adult=adult,
        boxes=(),
    )


@pytest.mark.parametrize(
    ("given", "truth"),
    [
        (film("siim", "typical appearance", True), {"normal": False, "COVID-19": True}),
        (film("siim", "negative for pneumonia", False), {"normal": True, "COVID-19": False}),
        (film("siim", "atypical appearance"), {"normal": False}),
        (film("nih", "pneumonia"), {"normal": False, "other pneumonia": True, "tuberculosis": False}),
        (film("chexpert", "opacity"), {"normal": False, "tuberculosis": False}),
        (film("tbx11k", "tuberculosis"), {"tuberculosis": True}),
        (film("kermany-children", "pneumonia", adult=False), {}),
    ],
)
def test_a_finding_is_calibrated_where_both_kinds_of_films_are(given: LabelledFilm, truth: dict[str, bool]) -> None:
    assert truth_of(given) == truth


def test_few_films_without_a_finding_reach_its_threshold() -> None:
    films = [film("siim", "atypical appearance")] * 100 + [film("nih", "normal")] * 100
    findings = np.random.default_rng(0).random((200, len(FINDING_NAMES)))

    limits = finding_thresholds(films, findings)

    def called(name: str, some: slice) -> int:
        return int((findings[some, FINDING_NAMES.index(name)] >= limits[name]).sum())

    ill, well = slice(0, 100), slice(100, 200)
    assert (called("normal", ill), called("other pneumonia", well), called("tuberculosis", slice(0, 200))) == (5, 5, 10)
    assert "COVID-19" not in limits


@pytest.mark.parametrize(
    ("given", "absent"),
    [
        (film("nih", "normal"), {"other pneumonia", "tuberculosis"}),
        (film("siim", "negative for pneumonia", False), {"tuberculosis"}),
        (film("siim", "typical appearance", True), {"normal", "other pneumonia", "tuberculosis"}),
        (film("chexpert", "opacity"), {"normal", "tuberculosis"}),
        (film("tbx11k", "tuberculosis"), {"normal", "other pneumonia"}),
        (replace(film("cohen-sirm.org", "other"), finding="No Finding"), {"tuberculosis"}),
    ],
)
def test_a_label_says_which_findings_are_not_there(given: LabelledFilm, absent: set[str]) -> None:
    assert {name for name in FINDING_NAMES if name != "COVID-19" and is_without(given, name)} == absent


def test_children_choose_no_threshold() -> None:
    films = [film("nih", "pneumonia")] * 20 + [film("kermany-children", "pneumonia", adult=False)] * 20
    findings = np.repeat([0.2, 0.9], 20)[:, None].repeat(len(FINDING_NAMES), 1)

    assert finding_thresholds(films, findings)["normal"] == pytest.approx(0.2)


def test_a_finding_of_which_no_film_says_anything_counts_where_it_is_likelier_than_not() -> None:
    assert finding_thresholds([film("tbx11k", "tuberculosis")], np.ones((1, 4)))["tuberculosis"] == 0.5


def test_a_label_says_of_tuberculosis_that_it_is_there_or_not_or_nothing() -> None:
    labels = ("tuberculosis", "opacity", "typical appearance")

    assert [film("siim", label).tuberculosis for label in labels] == [True, False, None]
