from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lungwise.films.collection import LabelledFilm, read_collection
from lungwise.reading.artefact import APPEARANCES, GATE
from lungwise.training.dataset import batches, load_samples, make_batch, on_device, sample_epoch
from lungwise.training.draws import Draws
from lungwise.training.recipe import Odds, Recipe, Stage, read_recipe

pytestmark = pytest.mark.training


def film(source: str, label: str = "normal", view: str = "") -> LabelledFilm:
    return LabelledFilm(
        path=Path("film.png"),
        split="train",
        source=source,
        group="",
        patient="p",
        covid=None,
        label=label,
        finding="",
        view=view,
        adult=True,
        boxes=(),
    )


def test_an_epoch_takes_its_share_of_each_source_and_label() -> None:
    films = [film("siim")] * 40 + [film("cohen-a.org")] * 4 + [film("nih")] * 20 + [film("nih", "opacity")] * 20

    order = sample_epoch(films, {"cohen": 1.5, "nih:opacity": 0.25, "nih": 0.5}, np.random.default_rng(0))

    assert Counter((films[i].source, films[i].label) for i in order) == {
        ("siim", "normal"): 40,
        ("cohen-a.org", "normal"): 6,
        ("nih", "normal"): 10,
        ("nih", "opacity"): 5,
    }


def test_the_labels_of_a_source_are_seen_in_the_same_views() -> None:
    """Here nearly all opacities are AP and nearly all normal films PA, as on a ward and in an outpatient clinic."""
    films = [film("c", "opacity", "AP")] * 90 + [film("c", "opacity", "PA")] * 10
    films += [film("c", "normal", "AP Supine")] * 10 + [film("c", "normal", "PA")] * 90

    seen = Counter((films[i].label, films[i].projection) for i in sample_epoch(films, {}, np.random.default_rng(0)))

    assert seen == {(label, view): 50 for label in ("opacity", "normal") for view in ("AP", "PA")}


def test_a_film_that_a_reader_would_refuse_teaches_nothing(tmp_path: Path) -> None:
    thumbnail = tmp_path / "thumbnail.png"
    Image.new("L", (40, 40), 9).save(thumbnail)

    refused = replace(film("ood-ct", "ct"), path=thumbnail)

    assert load_samples([refused]) == []


def test_a_batch_holds_films_and_their_targets(small_collection: Path) -> None:
    films = on_device(load_samples(read_collection(small_collection)), 0, torch.device("cpu"))

    batch = make_batch(films, torch.arange(16), 75, Odds(turn=0.3, synthetic_negative=0.2), Draws(0))

    assert batch.films.shape == (16, 1, 75, 75)
    assert float(batch.films.min()) >= 0
    assert float(batch.films.max()) <= 1
    upright = batch.targets.gate == GATE.index("upright")
    typical = batch.targets.appearance[:, APPEARANCES.index("typical")] == 1
    assert 0 < int(upright.sum()) < 16
    assert torch.all(batch.targets.opacity[upright & typical].amax((1, 2)) > 0.5)
    assert torch.all(batch.targets.opacity[upright & ~typical] == 0)
    assert torch.all(batch.targets.appearance[~upright].isnan())
    assert torch.all(batch.targets.findings[~upright].isnan())
    assert torch.all(batch.targets.opacity[~upright].isnan())


def test_a_film_nobody_looked_at_for_opacities_has_no_map(small_collection: Path) -> None:
    films = on_device(load_samples(read_collection(small_collection)), 0, torch.device("cpu"))
    films = films._replace(is_boxed=torch.zeros_like(films.is_boxed))

    assert make_batch(films, torch.arange(4), 75, Odds(), Draws(0)).targets.opacity.isnan().all()


def test_an_epoch_goes_on_from_any_step_as_if_it_had_not_stopped(small_collection: Path) -> None:
    films, recipe = on_device(load_samples(read_collection(small_collection)), 0, torch.device("cpu")), small_recipe()

    whole = dict(batches(films, np.arange(16), recipe, 1))
    (step, last), *none = batches(films, np.arange(16), recipe, 1, start=3)

    assert (sorted(whole), step, none) == ([0, 1, 2, 3], 3, [])
    assert torch.equal(whole[3].films, last.films)
    assert not torch.equal(whole[2].films, last.films)


def small_recipe() -> Recipe:
    return read_recipe("inception_v3").model_copy(update={"batch": 4, "stages": (Stage(size=75, epochs=2),)})
