"""The training loop: batches in, a run folder with weights and a record out.

A run folder holds `checkpoint.safetensors` (network, moving average, optimiser; written
after each epoch), `weights.safetensors` (the moving average: what is exported), and
`record.json` (recipe, hashes of code, data and initial weights, metrics of each epoch).
"""

from __future__ import annotations

import errno
import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

from lungwise.films.collection import LabelledFilm
from lungwise.films.preprocess import preprocess
from lungwise.reading.artefact import Artefact
from lungwise.reading.runtime import OpenVino
from lungwise.training.dataset import Opinion, Sample, Targets, Teacher, batches, draw_epoch, load_samples
from lungwise.training.network import LungNet, Outputs, load_trunk
from lungwise.training.recipe import Recipe
from lungwise.training.validate import validate

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much is done, and of how much."""

Told = Callable[[dict[str, Any]], None]

_IN_A_BOX = 0.4
"""How surely a place is inside an opacity that the map may point to: somewhat more than an ellipse's edge takes in."""
_FAR = 1e4
"""Further below any logit than a softmax can see."""


class Run:
    """One training run and its folder."""

    def __init__(self, recipe: Recipe, folder: Path, teachers: Sequence[Artefact] = ()) -> None:
        self.recipe = recipe
        self.folder = folder
        self.teachers = teachers
        torch.manual_seed(recipe.seed)
        self.network = LungNet().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = deepcopy(self.network).eval().requires_grad_(False)
        self.optimiser = _optimiser(self.network, recipe)
        self.record: dict[str, Any] = {"recipe": _plain(recipe), "epochs": []}

    def start(self, init: Path | None, films: list[LabelledFilm]) -> None:
        """Begin from a pretrained trunk, or from random weights where `init` is None.

        Raises
        ------
        ValueError
            If the folder holds a run already, or `init` is no Inception V3.
        """
        if (self.folder / "checkpoint.safetensors").exists():
            raise ValueError(f"{self.folder} holds a run. Go on with --resume, or choose another --output.")
        if init:
            load_trunk(self.network, init)
        self.average.load_state_dict(self.network.state_dict())
        self.record |= {"init": sha256(init) if init else None, "code": _code_hash(), "data": _data_hash(films)}
        self.record["teacher"] = _hashes_of(self.teachers)
        self.folder.mkdir(parents=True, exist_ok=True)

    def resume(self, films: list[LabelledFilm]) -> None:
        """Go on from the last whole epoch.

        Raises
        ------
        FileNotFoundError
            If the folder holds no checkpoint.
        ValueError
            If it was trained by another recipe or teacher, or from other films.
        """
        checkpoint = self.folder / "checkpoint.safetensors"
        if not checkpoint.exists():
            raise FileNotFoundError(errno.ENOENT, "There is no checkpoint to resume from", str(checkpoint))
        with safe_open(checkpoint, "pt") as opened:
            self.record = json.loads(opened.metadata()["record"])
        given = {"recipe": _plain(self.recipe), "data": _data_hash(films), "teacher": _hashes_of(self.teachers)}
        if given != {part: self.record[part] for part in given}:
            raise ValueError(
                f"{self.folder} was trained by another recipe or teacher, or from other films: it cannot be resumed."
            )
        state = load_file(checkpoint)
        self.network.load_state_dict(_part(state, "network."))
        self.average.load_state_dict(_part(state, "average."))
        _restore(self.optimiser, _part(state, "optimiser."))

    def fit(self, films: list[LabelledFilm], progress: Progress, told: Told) -> None:
        """Train the epochs that are still missing; `told` gets the metrics of each as it ends."""
        val = [film for film in films if film.split == "val"]
        teacher = Teacher(_opinion(self.teachers), self.recipe.smoothing)
        samples = load_samples([film for film in films if film.split == "train"], teacher)
        for epoch in range(len(self.record["epochs"]), self.recipe.epochs):
            began = time.monotonic()
            loss = self._epoch(epoch, samples, progress)
            metrics = {"epoch": epoch, "loss": loss, **validate(self.average, val, self.recipe.size(epoch))}
            metrics["seconds"] = round(time.monotonic() - began)
            self.record["epochs"].append(metrics)
            self.save()
            told(metrics)

    def _epoch(self, epoch: int, samples: list[Sample], progress: Progress) -> float:
        torch.manual_seed(self.recipe.seed + epoch)
        rng = np.random.default_rng((self.recipe.seed, epoch))
        order = draw_epoch([sample.source for sample in samples], self.recipe.share, rng)
        steps = len(order) // self.recipe.batch
        self.network.train()
        total = 0.0
        for step, batch in enumerate(batches(samples, order, self.recipe.size(epoch), self.recipe.batch, rng)):
            _set_rate(self.optimiser, self.recipe, (epoch + step / steps) / self.recipe.epochs)
            total += self._step(batch.films, batch.targets)
            progress(f"epoch {epoch + 1}/{self.recipe.epochs}, loss {total / (step + 1):.3f}", step + 1, steps)
        return total / max(steps, 1)

    def _step(self, films: Tensor, targets: Targets) -> float:
        loss = self._loss(films, targets)
        if not loss.isfinite():
            raise FloatingPointError("The loss is no number any more: nothing more can be learnt in this run.")
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimiser.step()
        _move_average(self.average, self.network, self.recipe.average)
        return float(loss.detach())

    def _loss(self, films: Tensor, targets: Targets) -> Tensor:
        return losses(self._outputs(films), targets, self.recipe)

    def _outputs(self, films: Tensor) -> Outputs:
        with torch.autocast("cpu", torch.bfloat16):
            outputs: Outputs = self.network(films.to(memory_format=torch.channels_last))
        return outputs

    def save(self) -> None:
        """Replace the checkpoint in one move: a killed run loses at most its open epoch."""
        weights = {key: value.contiguous() for key, value in self.average.state_dict().items()}
        state = {f"average.{key}": value for key, value in weights.items()}
        state |= {f"network.{key}": value.contiguous() for key, value in self.network.state_dict().items()}
        state |= {f"optimiser.{key}": value for key, value in _flat(self.optimiser)}
        _replace(self.folder / "weights.safetensors", lambda path: save_file(weights, path))
        self.record["weights"] = sha256(self.folder / "weights.safetensors")
        record = json.dumps(self.record, indent=1)
        _replace(self.folder / "checkpoint.safetensors", lambda path: save_file(state, path, {"record": record}))
        _replace(self.folder / "record.json", lambda path: path.write_text(record))


def losses(outputs: Outputs, targets: Targets, recipe: Recipe) -> Tensor:
    """The weighted sum of the tasks' losses; targets a source is silent on count nothing.

    A recipe without a weight for one of them, as those before it was thought of, does without it.
    """
    grid = F.interpolate(outputs.opacity.float()[:, None], targets.opacity.shape[1:], mode="bilinear")[:, 0]
    parts = {
        "appearance": _appearance_loss(outputs.appearance.float(), targets.appearance),
        "findings": _masked_bce(outputs.findings.float(), targets.findings),
        "gate": F.cross_entropy(outputs.gate.float(), targets.gate),
        "opacity": _masked_bce(grid, targets.opacity),
        "pointing": _pointing_loss(grid, targets.opacity),
    }
    return torch.stack([recipe.loss.get(name, 0.0) * value for name, value in parts.items()]).sum()


def _appearance_loss(logits: Tensor, aim: Tensor) -> Tensor:
    """Cross entropy with a distribution: the label, softened by what a teacher says (Hinton et al., 2015)."""
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
    for name, parameter in network.named_parameters():
        groups["heads" if name.startswith(heads) else "trunk"].append(parameter)
    return torch.optim.AdamW(
        [{"params": members, "lr": 0.0, "name": name} for name, members in groups.items()],
        weight_decay=recipe.weight_decay,
    )


def _opinion(teachers: Sequence[Artefact]) -> Opinion | None:
    """What earlier artefacts say on average of the appearance of films as they are, before any augmentation."""
    runtimes = [OpenVino(teacher.onnx, streams=2) for teacher in teachers]
    if not runtimes:
        return None
    return lambda pixels: np.mean([runtime.run(preprocess(pixels))["appearance"] for runtime in runtimes], axis=0)


def _hashes_of(teachers: Sequence[Artefact]) -> str | None:
    """The teachers' hashes, in their order."""
    return " ".join(str(teacher.card.hashes["onnx"]) for teacher in teachers) or None


def _set_rate(optimiser: torch.optim.Optimizer, recipe: Recipe, done: float) -> None:
    """Linear warm-up over the first twentieth of the run, then a cosine down to a hundredth."""
    warm = min(done / 0.05, 1.0)
    cosine = 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done))
    for group in optimiser.param_groups:
        group["lr"] = recipe.learning_rate[group["name"]] * warm * cosine


@torch.no_grad()
def _move_average(average: nn.Module, network: nn.Module, keep: float) -> None:
    pairs = zip(average.state_dict().values(), network.state_dict().values(), strict=True)
    for kept, new in pairs:
        if kept.is_floating_point():
            kept.lerp_(new, 1 - keep)
        else:
            kept.copy_(new)


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


def _replace(path: Path, write: Callable[[Path], Any]) -> None:
    fresh = path.with_suffix(".new")
    write(fresh)
    fresh.replace(path)


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _plain(recipe: Recipe) -> dict[str, Any]:
    """The recipe as JSON gives it back."""
    plain: dict[str, Any] = json.loads(json.dumps(asdict(recipe)))
    return plain


def _code_hash() -> str:
    """One hash over every module that decides what a run learns."""
    package = Path(__file__).parents[1]
    modules = [path for room in ("films", "reading", "training") for path in sorted((package / room).rglob("*.py"))]
    return hashlib.sha256("".join(sha256(path) for path in modules).encode()).hexdigest()


def _data_hash(films: list[LabelledFilm]) -> str:
    """One hash over every film of the collection and what is said of it, in its order."""
    said = (f"{sha256(film.path)} {film.split} {film.source} {film.label} {film.boxes}\n" for film in films)
    return hashlib.sha256("".join(said).encode()).hexdigest()
