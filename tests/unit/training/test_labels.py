from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lungwise.films.collection import LabelledFilm
from lungwise.reading.artefact import APPEARANCES, GATE
from lungwise.training.labels import UNLABELLED, Prediction, SoftLabels, boxes_of, targets_of

pytestmark = pytest.mark.training


def film(source: str, label: str, finding: str = "", group: str = "mixed") -> LabelledFilm:
    return LabelledFilm(
        path=Path("x.png"),
        split="train",
        source=source,
        group=group,
        patient="p",
        covid=None,
        label=label,
        finding=finding,
        view="",
        adult=True,
        boxes=(),
    )


@pytest.mark.parametrize(
    ("given", "appearance", "findings"),
    [
        (film("siim", "typical appearance"), "typical", [0, 1, 0, 0]),
        (film("siim", "negative for pneumonia"), "negative", [None, 0, 0, 0]),
        (film("siim", "atypical appearance"), "atypical", [0, None, None, 0]),
        (film("nih", "pneumonia"), None, [0, 0, 1, 0]),
        (film("tb-belarus", "tuberculosis"), None, [0, 0, 0, 1]),
        (film("cohen-sirm.org", "other", "No Finding"), None, [1, 0, 0, 0]),
        (film("cohen-sirm.org", "other", "Streptococcus"), None, [0, 0, 1, 0]),
        (film("cohen-sirm.org", "other", "ARDS"), None, [0, 0, None, 0]),
        (film("chexpert", "opacity"), None, [0, 0, None, 0]),
        (film("nih", "other finding"), None, [0, 0, 0, 0]),
        (film("ood-bone", "bone", group="ood"), None, [None] * 4),
    ],
)
def test_a_source_teaches_only_what_it_knows(
    given: LabelledFilm, appearance: str | None, findings: list[int | None]
) -> None:
    index, known, _ = targets_of(given)

    assert index == (APPEARANCES.index(appearance) if appearance else UNLABELLED)
    assert [None if np.isnan(value) else int(value) for value in known] == findings


@pytest.mark.parametrize(
    ("given", "gate"),
    [
        (film("nih", "normal"), "upright"),
        (film("ood-lateral", "lateral", group="ood"), "lateral"),
        (film("ood-ct", "ct", group="ood"), "other"),
    ],
)
def test_the_gate_learns_what_is_no_frontal_film(given: LabelledFilm, gate: str) -> None:
    assert GATE[targets_of(given)[2]] == gate


APPEARANCE = np.array([0.1, 0.6, 0.2, 0.1], np.float32)
FINDINGS = np.array([0.8, 0.1, 0.2, 0.0], np.float32)


@pytest.mark.parametrize(
    ("given", "learnt"),
    [
        (film("siim", "typical appearance"), [0.05, 0.8, 0.1, 0.05]),
        (film("nih", "normal"), [0.7, 0, 0.2, 0.1]),
        (film("tb-belarus", "tuberculosis"), [0.1, 0, 0.2, 0.7]),
        (film("chexpert", "opacity"), [0.1, 0, 0.2, 0.7]),
        (film("chexpert", "other finding"), [0.7, 0, 0.2, 0.1]),
        (film("cohen-sirm.org", "other", "SARS"), [0.1, 0, 0.2, 0.7]),
        (film("cohen-sirm.org", "other", "No Finding"), [0.7, 0, 0.2, 0.1]),
        (film("radiography-covid", "COVID-19"), [0.1, 0.6, 0.2, 0.1]),
        (film("ood-ct", "ct", group="ood"), [np.nan] * 4),
        (replace(film("kermany-children", "pneumonia"), adult=False), [np.nan] * 4),
    ],
)
def test_outside_siim_the_prediction_is_learnt_but_for_what_the_diagnosis_rules_out(
    given: LabelledFilm, learnt: list[float]
) -> None:
    labels = SoftLabels(predictions={given.path: Prediction(APPEARANCE, FINDINGS)}, smoothing=0.5)

    np.testing.assert_allclose(labels.appearance(given), learnt, atol=1e-6)


def test_a_correction_takes_its_share_of_what_the_diagnosis_rules_out() -> None:
    given = film("tb-belarus", "tuberculosis")
    labels = SoftLabels(predictions={given.path: Prediction(APPEARANCE, FINDINGS)}, smoothing=0.5, correction=0.5)

    np.testing.assert_allclose(labels.appearance(given), [0.1, 0.3, 0.2, 0.4], atol=1e-6)


def test_without_predictions_the_labels_alone_are_learnt() -> None:
    alone = SoftLabels(predictions={}, smoothing=0.2)

    np.testing.assert_allclose(alone.appearance(film("siim", "typical appearance")), [0.05, 0.85, 0.05, 0.05])
    assert np.isnan(alone.appearance(film("nih", "normal"))).all()
    np.testing.assert_array_equal(alone.findings(film("nih", "normal")), [1, 0, 0, 0])


def test_a_finding_is_softened_where_it_is_known_and_predicted_where_it_is_not() -> None:
    given = film("siim", "negative for pneumonia")
    labels = SoftLabels(predictions={given.path: Prediction(APPEARANCE, FINDINGS)}, smoothing=0.25)

    np.testing.assert_allclose(labels.findings(given), [0.8, 0.025, 0.05, 0.0], atol=1e-6)


def test_nobody_looked_for_opacities_on_films_of_most_labels() -> None:
    assert boxes_of(film("nih", "pneumonia")) is None
    assert boxes_of(film("nih", "normal")) == ()
    assert boxes_of(replace(film("siim", "typical appearance"), boxes=((0.1, 0.2, 0.3, 0.4),))) == (
        (0.1, 0.2, 0.3, 0.4),
    )
