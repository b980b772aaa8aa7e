from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lungwise.films.collection import LabelledFilm, read_collection
from lungwise.reading.artefact import APPEARANCES, GATE
from lungwise.training.dataset import UNLABELLED, Teacher, batches, draw_epoch, load_samples, targets_of

pytestmark = pytest.mark.training


def film(source: str, label: str, finding: str = "", group: str = "mixed") -> LabelledFilm:
    return LabelledFilm(Path("x.png"), "train", source, group, "p", None, label, finding, "", True, ())


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


OPINION = np.array([0.1, 0.6, 0.2, 0.1], np.float32)


@pytest.mark.parametrize(
    ("given", "learnt"),
    [
        (film("siim", "typical appearance"), [0.05, 0.8, 0.1, 0.05]),
        (film("nih", "normal"), [0.7, 0, 0.2, 0.1]),
        (film("tb-belarus", "tuberculosis"), [0.1, 0, 0.2, 0.7]),
        (film("cohen-sirm.org", "other", "SARS"), [0.1, 0, 0.2, 0.7]),
        (film("cohen-sirm.org", "other", "No Finding"), [0.7, 0, 0.2, 0.1]),
        (film("radiography-covid", "COVID-19"), [0.1, 0.6, 0.2, 0.1]),
        (film("ood-ct", "ct", group="ood"), [np.nan] * 4),
        (replace(film("kermany-children", "pneumonia"), adult=False), [np.nan] * 4),
    ],
)
def test_outside_siim_the_opinion_is_learnt_but_for_what_the_diagnosis_rules_out(
    given: LabelledFilm, learnt: list[float]
) -> None:
    teacher = Teacher(lambda _pixels: OPINION, smoothing=0.5)

    np.testing.assert_allclose(teacher.teach(given, np.zeros((9, 9), np.float32)), learnt, atol=1e-6)


def test_without_a_teacher_the_labels_alone_are_learnt() -> None:
    alone = Teacher(None, smoothing=0.2)

    np.testing.assert_allclose(
        alone.teach(film("siim", "typical appearance"), np.zeros((9, 9), np.float32)), [0.05, 0.85, 0.05, 0.05]
    )
    assert np.isnan(alone.teach(film("nih", "normal"), np.zeros((9, 9), np.float32))).all()


def test_an_epoch_takes_its_share_of_each_source() -> None:
    films = ["siim"] * 40 + ["cohen-a.org"] * 4 + ["rsna-normal"] * 20

    order = draw_epoch(films, {"cohen": 1.5, "rsna-normal": 0.25}, np.random.default_rng(0))

    sources = [films[i] for i in order]
    assert {source: sources.count(source) for source in set(sources)} == {
        "siim": 40,
        "cohen-a.org": 6,
        "rsna-normal": 5,
    }


def test_a_film_that_a_reader_would_refuse_teaches_nothing(tmp_path: Path) -> None:
    thumbnail = tmp_path / "thumbnail.png"
    Image.new("L", (40, 40), 9).save(thumbnail)

    assert load_samples([replace(film("ood-ct", "ct", group="ood"), path=thumbnail)]) == []


def test_a_batch_holds_films_and_their_targets(small_collection: Path) -> None:
    samples = load_samples(read_collection(small_collection))

    batch = next(batches(samples, np.arange(16), 75, 16, np.random.default_rng(0)))

    assert batch.films.shape == (16, 1, 75, 75)
    assert float(batch.films.min()) >= 0
    assert float(batch.films.max()) <= 1
    upright = batch.targets.gate == GATE.index("upright")
    typical = batch.targets.appearance[:, APPEARANCES.index("typical")] == 1
    assert torch.all(batch.targets.opacity[upright & typical].amax((1, 2)) > 0.5)
    assert torch.all(batch.targets.appearance[~upright].isnan())
    assert torch.all(batch.targets.opacity[~upright].isnan())
