"""The runs of experiment 5: one epoch each from the same weights, each with one thing changed.

python docs/experiments/train_0005.py FILMS_CSV OUTPUT RUN RUN2 TEACHER...

RUN and RUN2 are the runs of `inception_v3` and `inception_v3_further`, the teachers are artefacts' folders (1.0.0 and
1.2.0). Writes the mean of both runs into OUTPUT/start, and a run folder for each run from there; those that are there
already are left as they are.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from lungwise.films.collection import LabelledFilm, read_collection
from lungwise.reading.artefact import APPEARANCES, GATE, load_artefact
from lungwise.training.dataset import Sample, Targets, Teacher, load_samples
from lungwise.training.export import trained_network
from lungwise.training.fit import Run, _opinion, losses
from lungwise.training.recipe import Stage, read_recipe
from lungwise.training.validate import validate

ADVERSE = 0.3
"""Share of the adversary's gradient that comes back, reversed."""

POINTING = 0.2
"""Weight of the loss that asks the map's mass, as a softmax, into the boxes."""

MIXED = 0.4
"""Both parameters of the Beta distribution that mixup draws its shares from (Zhang et al., ICLR 2018)."""


class Mixup(Run):
    """Each film is laid over another, and learns the share of each."""

    def _loss(self, films: Tensor, targets: Targets) -> Tensor:
        share = float(torch.distributions.Beta(MIXED, MIXED).sample())
        other = torch.randperm(len(films))
        if torch.rand(1) < 0.5:
            return super()._loss(films, targets)
        outputs, laid_over = self._outputs(share * films + (1 - share) * films[other]), (t[other] for t in targets)
        nowhere = replace(self.recipe, loss={**self.recipe.loss, "pointing": 0.0})
        first, second = (losses(outputs, said, nowhere) for said in (targets, Targets(*laid_over)))
        return share * first + (1 - share) * second


class Reverse(torch.autograd.Function):
    """Nothing going forth; going back, the gradient against itself (Ganin et al., JMLR 2016)."""

    @staticmethod
    def forward(_context: object, x: Tensor) -> Tensor:
        """The same."""
        return x.view_as(x)

    @staticmethod
    def backward(_context: object, gradient: Tensor) -> Tensor:  # type: ignore[override]
        """The reverse."""
        return -ADVERSE * gradient


class Adverse(Run):
    """The features of films that look alike must not tell their sources.

    Only within what the teachers call negative and within what they call typical: over all films the source
    tells the disease, and forgetting the one would be forgetting the other.
    """

    def prepare(self, samples: list[Sample]) -> None:
        """Learn the sources' names, and catch the features on their way into the appearance head."""
        self.sources = sorted({_place(sample) for sample in samples})
        self.adversary = nn.Sequential(nn.Linear(2048 + 768, 128), nn.ReLU(), nn.Linear(128, 2 * len(self.sources)))
        self.teach = torch.optim.AdamW(self.adversary.parameters(), 1e-3)
        self.network.appearance.register_forward_pre_hook(self._catch)
        self.places = {sample.taught.tobytes(): self.sources.index(_place(sample)) for sample in samples}

    def _catch(self, _: nn.Module, inputs: tuple[Tensor]) -> None:
        self.features = inputs[0]

    def _loss(self, films: Tensor, targets: Targets) -> Tensor:
        """The tasks' loss, and the adversary's, which the trunk works against."""
        tasks = super()._loss(films, targets)
        alike, place = self._alike(targets)
        if not len(alike):
            return tasks
        said = self.adversary(Reverse.apply(self.features[alike].float())).view(len(alike), 2, -1)
        typical = (targets.appearance[alike, APPEARANCES.index("typical")] > 0.5).long()
        return tasks + F.cross_entropy(said[torch.arange(len(alike)), typical], place)

    def _alike(self, targets: Targets) -> tuple[Tensor, Tensor]:
        """Which films of the batch look negative or typical, and where each comes from."""
        sure = targets.appearance[:, [APPEARANCES.index("negative"), APPEARANCES.index("typical")]].nan_to_num()
        chosen = torch.nonzero((sure > 0.5).any(1) & (targets.gate == GATE.index("upright")))[:, 0]
        return chosen, torch.tensor([self.places[targets.appearance[i].numpy().tobytes()] for i in chosen.tolist()])

    def _step(self, films: Tensor, targets: Targets) -> float:
        self.teach.zero_grad()
        loss = super()._step(films, targets)
        self.teach.step()
        return loss


def _place(sample: Sample) -> str:
    return sample.source.split("-")[0] if sample.source.startswith("cohen") else sample.source


BEFORE = read_recipe("inception_v3_further")
FURTHER = replace(
    BEFORE, average=0.99, learning_rate={"trunk": 1e-4, "heads": 4e-4}, loss={**BEFORE.loss, "pointing": POINTING}
)

INGREDIENTS: dict[str, tuple[type[Run], dict[str, Any]]] = {
    "pointing": (Run, {"stages": (Stage(299, 1),), "seed": 1}),
    "mixup": (Mixup, {"stages": (Stage(256, 1),), "seed": 2}),
    "adverse": (Adverse, {"stages": (Stage(256, 1),), "seed": 3}),
    "larger": (
        Run,
        {"stages": (Stage(384, 1),), "seed": 4, "share": {k: v / 2 for k, v in FURTHER.share.items()}},
    ),
}


def main(table: Path, output: Path, run: Path, further: Path, *teachers: Path) -> None:
    """Train what is not there yet."""
    films = read_collection(table)
    start = _start(output, run, further)
    artefacts = [load_artefact(folder) for folder in teachers]
    samples = load_samples(
        [film for film in films if film.split == "train"], Teacher(_opinion(artefacts), FURTHER.smoothing)
    )
    for name, (kind, changed) in INGREDIENTS.items():
        if not (output / name / "record.json").exists():
            one = kind(replace(FURTHER, name=f"0005_{name}", **changed), output / name, artefacts)
            one.start(start, films)
            _train(one, samples, [film for film in films if film.split == "val"])


def _start(output: Path, run: Path, further: Path) -> Path:
    path = output / "start" / "weights.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(trained_network(further, [run]).state_dict(), path)
    return path


def _train(run: Run, samples: list[Sample], val: list[LabelledFilm]) -> None:
    if isinstance(run, Adverse):
        run.prepare(samples)
    loss = run._epoch(0, samples, _told)
    run.record["epochs"].append({"epoch": 0, "loss": loss, **validate(run.average, val, run.recipe.size(0))})
    run.save()
    print(run.recipe.name, run.record["epochs"], flush=True)  # noqa: T201


_told: Callable[[str, int, int], None] = lambda what, done, of: (  # noqa: E731
    print(f"{what} {done}/{of}", flush=True) if done % 20 == 0 else None  # noqa: T201
)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
