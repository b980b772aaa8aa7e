"""The training loop: films and a recipe in, a run folder with weights and a record out.

A run folder holds `checkpoint.safetensors` (network, moving average, optimiser; written
after each epoch and every ten minutes), `weights.safetensors` (the moving average: what is exported), and
`record.json` (recipe, hashes of code, data and initial weights, metrics of each epoch).

Read `Run.fit` and `Run._epoch` first: they are the whole of the training, in its order.
"""

from __future__ import annotations

import errno
import hashlib
import json
import math
import time
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

from lungwise.films.collection import LabelledFilm
from lungwise.training.dataset import (
    Batch,
    Targets,
    TrainingFilms,
    batches,
    load_samples,
    on_device,
    sample_epoch,
)
from lungwise.training.draws import seed_of
from lungwise.training.labels import Predictions, SoftLabels
from lungwise.training.network import LungNet, Outputs, load_trunk
from lungwise.training.recipe import LossWeights, Recipe, parse_recipe
from lungwise.training.validate import validate

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much is done, and of how much."""

Report = Callable[[dict[str, Any]], None]
"""Called with the metrics of each epoch."""

WEIGHTS = "weights.safetensors"
"""The averaged weights, in a run folder."""
CHECKPOINT = "checkpoint.safetensors"
RECORD = "record.json"
SAVE_SECONDS = 600
"""A killed run loses no more than this."""

_IN_A_BOX = 0.4
"""How surely a place is inside an opacity that the map may point to: somewhat more than an ellipse's edge takes in."""
_FAR = 1e4
"""Further below any logit than a softmax can see."""


class OutOfTimeError(Exception):
    """The time that a run was given is used up; it is saved, and can be resumed."""


class Run:
    """One training run and its folder.

    Parameters
    ----------
    predictions
        Of other networks, which soften the labels; empty for the labels alone.
    device, precision
        Where the network is trained, and in what the forward pass is computed: the weights stay float32.
    """

    def __init__(
        self,
        recipe: Recipe,
        folder: Path,
        predictions: Predictions | None = None,
        device: torch.device | str = "cpu",
        precision: torch.dtype = torch.float32,
    ) -> None:
        self.recipe = recipe
        self.folder = folder
        self.predictions = predictions or {}
        self.device = torch.device(device)
        self.precision = precision
        torch.manual_seed(recipe.seed)
        network = LungNet(recipe.dropout).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.network: LungNet = network.to(self.device)
        if recipe.frozen_stem:
            self.network.freeze_stem()
        self.average = deepcopy(self.network).eval().requires_grad_(False)
        self.optimiser = _optimiser(self.network, recipe)
        self.record: dict[str, Any] = {"recipe": recipe.model_dump(mode="json"), "epochs": [], **_NEW_EPOCH}

    def start(self, init: Path | None, films: list[LabelledFilm]) -> None:
        """Begin from a pretrained trunk or a run's weights, or from random weights where `init` is None.

        Raises
        ------
        ValueError
            If the folder holds a run already, or `init` is not an Inception V3.
        """
        if (self.folder / CHECKPOINT).exists():
            raise ValueError(f"{self.folder} holds a run. Go on with --resume, or choose another --output.")
        if init:
            load_trunk(self.network, init)
        self.average.load_state_dict(self.network.state_dict())
        self.record |= {"init": _init_hash(init), "code": _code_hash(), "data": _data_hash(films)}
        self.record["teacher"] = _predictions_hash(self.predictions)
        self.folder.mkdir(parents=True, exist_ok=True)

    def saved(self, init: Path | None, films: list[LabelledFilm]) -> dict[str, Any]:
        """The record of the run that the folder holds, as it was last saved.

        Raises
        ------
        FileNotFoundError
            If the folder holds no checkpoint.
        ValueError
            If that run has another recipe, or began from other weights, films or predictions.
        """
        checkpoint = self.folder / CHECKPOINT
        if not checkpoint.exists():
            raise FileNotFoundError(errno.ENOENT, "There is no checkpoint to resume from", str(checkpoint))
        with safe_open(checkpoint, "pt") as opened:
            record: dict[str, Any] = _NEW_EPOCH | json.loads(opened.metadata()["record"])
        same = {
            "another recipe": self.recipe == parse_recipe(record["recipe"]),
            "other initial weights": _init_hash(init) == record["init"],
            "other films": _data_hash(films) == record["data"],
            "other predictions": _predictions_hash(self.predictions) == record["teacher"],
        }
        if not all(same.values()):
            differs = " and ".join(name for name, is_same in same.items() if not is_same)
            raise ValueError(
                f"{self.folder} holds a network that was trained with {differs}. Repeat the command that trained it, "
                "remove the folder, or give an --output under another folder: teachers lie beside it."
            )
        return record

    def resume(self, init: Path | None, films: list[LabelledFilm]) -> None:
        """Go on from where it was last saved; raises what `saved` raises."""
        self.record = self.saved(init, films)
        self._write_record()  # a run that was killed between the writes of its last save has an older one
        self.name_code([_code_hash()])
        state = load_file(self.folder / CHECKPOINT)
        self.network.load_state_dict(_part(state, "network."))
        self.average.load_state_dict(_part(state, "average."))
        _restore(self.optimiser, _part(state, "optimiser."))

    def name_code(self, hashes: Iterable[str]) -> None:
        """Add code that had a part in what the network learns to the record."""
        self.record["code"] = " ".join(dict.fromkeys([*self.record["code"].split(), *hashes]))

    def fit(self, films: list[LabelledFilm], progress: Progress, report: Report, deadline: float = math.inf) -> None:
        """Train the epochs that are still missing on the `train` films; `report` gets the metrics of each.

        Raises
        ------
        OutOfTimeError
            At the deadline, on `time.monotonic`'s clock; the run is saved.
        FloatingPointError
            If the loss is not a number any more.
        """
        labels = SoftLabels(
            predictions=self.predictions, smoothing=self.recipe.smoothing, correction=self.recipe.correction
        )
        progress("loading films", 0, 1)
        train = load_samples([film for film in films if film.split == "train"], labels)
        val = load_samples([film for film in films if film.split == "val"])
        learnt = on_device(train, self.recipe.seed, self.device)
        for epoch in range(len(self.record["epochs"]), self.recipe.epochs):
            loss = self._epoch(epoch, [sample.film for sample in train], learnt, progress, deadline)
            metrics: dict[str, Any] = {"epoch": epoch, "precision": str(self.precision).removeprefix("torch.")}
            metrics["loss"] = loss
            metrics |= validate(
                self.average, val, self.recipe.size(epoch), self.precision, partial(progress, "validating")
            )
            metrics["seconds"] = round(self.record["seconds"])
            self.record["epochs"].append(metrics)
            self.record |= _NEW_EPOCH
            self.save()
            report(metrics)

    def _epoch(
        self, epoch: int, films: list[LabelledFilm], learnt: TrainingFilms, progress: Progress, deadline: float
    ) -> float:
        """Train what is missing of an epoch; return the mean loss of its steps."""
        recipe, began = self.recipe, time.monotonic() - self.record["seconds"]
        saved = time.monotonic()
        order = sample_epoch(films, recipe.share, np.random.default_rng((recipe.seed, epoch)))
        steps = len(order) // recipe.batch
        self.network.train()
        for step, batch in batches(learnt, order, recipe, epoch, self.record["step"]):
            _set_rate(self.optimiser, recipe, (epoch + step / steps) / recipe.epochs)
            self.record["loss"] += self._step(batch, (recipe.seed, epoch, step))
            self.record |= {"step": step + 1, "seconds": time.monotonic() - began}
            mean = self.record["loss"] / (step + 1)
            progress(f"epoch {epoch + 1}/{recipe.epochs}, loss {mean:.3f}", step + 1, steps)
            if time.monotonic() > min(saved + SAVE_SECONDS, deadline):
                self.save()
                saved = time.monotonic()
            if time.monotonic() > deadline:
                raise OutOfTimeError(f"The time is used up in epoch {epoch + 1} of {recipe.epochs} of {self.folder}.")
        return float(self.record["loss"]) / max(steps, 1)

    def _step(self, batch: Batch, key: tuple[int, ...]) -> float:
        """Learn one batch; return its loss."""
        torch.manual_seed(seed_of(*key))  # for dropout
        films = batch.films.to(memory_format=torch.channels_last)
        with torch.autocast(self.device.type, self.precision, enabled=self.precision != torch.float32):
            outputs = self.network(films)
        loss = losses(outputs, batch.targets, self.recipe.loss)
        if not loss.isfinite():
            raise FloatingPointError("The loss is not a number any more: this run cannot learn anything more.")
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), self.recipe.clip)
        self.optimiser.step()
        _move_average(self.average, self.network, self.recipe.average)
        return float(loss.detach())

    def save(self) -> None:
        """Replace the checkpoint in one move: a killed run loses at most its open epoch."""
        weights = {key: value.contiguous() for key, value in self.average.state_dict().items()}
        state = {f"average.{key}": value for key, value in weights.items()}
        state |= {f"network.{key}": value.contiguous() for key, value in self.network.state_dict().items()}
        state |= {f"optimiser.{key}": value for key, value in _flat(self.optimiser)}
        replace_file(self.folder / WEIGHTS, lambda path: save_file(weights, path))
        self.record["weights"] = sha256(self.folder / WEIGHTS)
        record = {"record": json.dumps(self.record)}
        replace_file(self.folder / CHECKPOINT, lambda path: save_file(state, path, record))
        self._write_record()

    def _write_record(self) -> None:
        replace_file(self.folder / RECORD, lambda path: path.write_text(json.dumps(self.record, indent=1)))


_NEW_EPOCH = {"step": 0, "seconds": 0.0, "loss": 0.0}
"""What a record says of the open epoch: steps done, the time they took, and the sum of their losses."""


def losses(outputs: Outputs, targets: Targets, weights: LossWeights) -> Tensor:
    """The weighted sum of the tasks' losses; unknown targets count nothing."""
    grid = F.interpolate(outputs.opacity.float()[:, None], targets.opacity.shape[1:], mode="bilinear")[:, 0]
    parts = (
        weights.appearance * _appearance_loss(outputs.appearance.float(), targets.appearance),
        weights.findings * _masked_bce(outputs.findings.float(), targets.findings),
        weights.gate * F.cross_entropy(outputs.gate.float(), targets.gate),
        weights.opacity * _masked_bce(grid, targets.opacity),
        weights.pointing * _pointing_loss(grid, targets.opacity),
    )
    return torch.stack(parts).sum()


def _appearance_loss(logits: Tensor, aim: Tensor) -> Tensor:
    """Cross entropy with a distribution: the label, softened by predictions (Hinton et al., 2015)."""
    known = ~aim.isnan().any(1)
    loss = -(aim.nan_to_num() * logits.log_softmax(1)).sum(1)  # NaN times nothing would still be NaN, going back
    return (loss * known).sum() / known.sum().clamp(min=1)


def _pointing_loss(grid: Tensor, aim: Tensor) -> Tensor:
    """Cross entropy of the whole map's softmax with being in a box: its highest place, not each place, is asked for."""
    inside = aim.nan_to_num().flatten(1) > _IN_A_BOX
    boxed = inside.any(1)
    places = grid.flatten(1)
    missed = places.logsumexp(1) - places.masked_fill(~inside, -_FAR).logsumexp(1)
    return (missed * boxed).sum() / boxed.sum().clamp(min=1)


def _masked_bce(logits: Tensor, targets: Tensor) -> Tensor:
    known = ~targets.isnan()
    loss = F.binary_cross_entropy_with_logits(logits, targets.nan_to_num(), reduction="none")
    return (loss * known).sum() / known.sum().clamp(min=1)


def _optimiser(network: LungNet, recipe: Recipe) -> torch.optim.AdamW:
    heads = ("opacity", "appearance", "findings", "gate")
    groups: dict[str, list[nn.Parameter]] = {"trunk": [], "heads": []}
    learnt = [(name, parameter) for name, parameter in network.named_parameters() if parameter.requires_grad]
    for name, parameter in learnt:
        groups["heads" if name.startswith(heads) else "trunk"].append(parameter)
    return torch.optim.AdamW(
        [{"params": members, "lr": 0.0, "name": name} for name, members in groups.items()],
        weight_decay=recipe.weight_decay,
    )


def _set_rate(optimiser: torch.optim.Optimizer, recipe: Recipe, done: float) -> None:
    """Linear warm-up over the first share of the run, then a cosine down to the final rate."""
    warm = min(done / recipe.warm_up, 1.0) if recipe.warm_up else 1.0
    cosine = recipe.final_rate + (1 - recipe.final_rate) * 0.5 * (1 + math.cos(math.pi * done))
    for group in optimiser.param_groups:
        group["lr"] = getattr(recipe.learning_rate, group["name"]) * warm * cosine


@torch.no_grad()
def _move_average(average: nn.Module, network: nn.Module, keep: float) -> None:
    kept, new = list(average.state_dict().values()), list(network.state_dict().values())
    numbers = [i for i, one in enumerate(kept) if one.is_floating_point()]
    torch._foreach_lerp_([kept[i] for i in numbers], [new[i] for i in numbers], 1 - keep)
    for i in set(range(len(kept))).difference(numbers):
        kept[i].copy_(new[i])


def _flat(optimiser: torch.optim.Optimizer) -> Iterator[tuple[str, Tensor]]:
    for index, moments in optimiser.state_dict()["state"].items():
        for name, value in moments.items():
            yield f"{index}.{name}", torch.as_tensor(value).contiguous()


def _restore(optimiser: torch.optim.Optimizer, flat: dict[str, Tensor]) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in flat.items():
        index, name = key.split(".")
        state.setdefault(int(index), {})[name] = value
    optimiser.load_state_dict({**optimiser.state_dict(), "state": state})


def _part(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}


def replace_file(path: Path, write: Callable[[Path], Any]) -> None:
    """Write a file beside its place and move it there: a killed process leaves the one before."""
    fresh = path.with_suffix(".new")
    write(fresh)
    fresh.replace(path)


def finished_record(run: Path) -> dict[str, Any]:
    """The record of a run folder whose network has learnt all epochs of its recipe.

    Raises
    ------
    OSError
        If the folder holds no run.
    ValueError
        If epochs are missing, or the weights are not those that the record is of.
    """
    record: dict[str, Any] = json.loads((run / RECORD).read_text())
    done, asked = len(record["epochs"]), parse_recipe(record["recipe"]).epochs
    if done < asked:
        raise ValueError(
            f"{run} has learnt {done} of {asked} epochs. Train it to its end with lungwise train --resume."
        )
    if sha256(run / WEIGHTS) != record["weights"]:
        raise ValueError(
            f"{run / WEIGHTS} is not what {RECORD} describes: the run was interrupted as it was saved, or a file was "
            "replaced. Go on with lungwise train --resume, or copy the whole run folder again."
        )
    return record


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _code_hash() -> str:
    """One hash over every module that decides what a run learns."""
    package = Path(__file__).parents[1]
    modules = [path for room in ("films", "reading", "training") for path in sorted((package / room).rglob("*.py"))]
    return hashlib.sha256("".join(sha256(path) for path in modules).encode()).hexdigest()


def _init_hash(init: Path | None) -> str | None:
    return sha256(init) if init else None


def _data_hash(films: list[LabelledFilm]) -> str:
    """One hash over every film of the collection and what is said of it, in its order."""
    rows = (f"{sha256(film.path)} {replace(film, path=Path())}\n" for film in films)
    return hashlib.sha256("".join(rows).encode()).hexdigest()


def _predictions_hash(predictions: Predictions) -> str | None:
    """One hash over the predictions that soften the labels; None of labels alone."""
    parts = (b"".join(part.tobytes() for part in predictions[path]) for path in sorted(predictions))
    return hashlib.sha256(b"".join(parts)).hexdigest() if predictions else None
