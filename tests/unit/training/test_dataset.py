from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lungwise.films.collection import LabelledFilm, read_collection
from lungwise.reading.artefact import APPEARANCES, GATE
from lungwise.training.dataset import batches, load_samples, sample_epoch
from lungwise.training.recipe import Odds

pytestmark = pytest.mark.training


def test_an_epoch_takes_its_share_of_each_source() -> None:
    films = ["siim"] * 40 + ["cohen-a.org"] * 4 + ["rsna-normal"] * 20

    order = sample_epoch(films, {"cohen": 1.5, "rsna-normal": 0.25}, np.random.default_rng(0))

    sources = [films[i] for i in order]
    assert {source: sources.count(source) for source in set(sources)} == {
        "siim": 40,
        "cohen-a.org": 6,
        "rsna-normal": 5,
    }


def test_a_film_that_a_reader_would_refuse_teaches_nothing(tmp_path: Path) -> None:
    thumbnail = tmp_path / "thumbnail.png"
    Image.new("L", (40, 40), 9).save(thumbnail)

    refused = LabelledFilm(
        path=thumbnail,
        split="train",
        source="ood-ct",
        group="ood",
        patient="p",
        covid=None,
        label="ct",
        finding="",
        view="",
        adult=True,
        boxes=(),
    )

    assert load_samples([refused]) == []


def test_a_batch_holds_films_and_their_targets(small_collection: Path) -> None:
    samples = load_samples(read_collection(small_collection))

    batch = next(batches(samples, np.arange(16), 75, 16, Odds(), np.random.default_rng(0)))

    assert batch.films.shape == (16, 1, 75, 75)
    assert float(batch.films.min()) >= 0
    assert float(batch.films.max()) <= 1
    upright = batch.targets.gate == GATE.index("upright")
    typical = batch.targets.appearance[:, APPEARANCES.index("typical")] == 1
    assert torch.all(batch.targets.opacity[upright & typical].amax((1, 2)) > 0.5)
    assert torch.all(batch.targets.appearance[~upright].isnan())
    assert torch.all(batch.targets.opacity[~upright].isnan())
