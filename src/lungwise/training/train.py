"""`lungwise train`: all the networks that a recipe needs, one after the other, each in a run folder of its own."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from lungwise.films.collection import LabelledFilm, read_collection
from lungwise.training.fit import CHECKPOINT, WEIGHTS, Progress, Report, Run
from lungwise.training.labels import Predictions
from lungwise.training.learnable import Learnable, learnable
from lungwise.training.out_of_fold import (
    FILE_NAME,
    fold_of,
    is_complete,
    mean_predictions,
    predict_films,
    read_others,
    read_predictions,
    write_predictions,
)
from lungwise.training.recipe import Recipe, read_recipe

INIT = "init.safetensors"
"""What a network with teachers begins from, in its run folder."""

_BFLOAT16_INSTRUCTIONS = ("amx_bf16", "avx512_bf16", "bf16")
"""As torch names a processor's capabilities; the last is Arm's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a recipe is trained.

    Parameters
    ----------
    films_csv
        The table of the collection.
    init
        A pretrained trunk, or the weights of a run to go on from; None for random weights. A network with teachers
        begins from theirs.
    predictions
        Tables of out-of-fold predictions that other networks made of these films: a network with teachers learns from
        their mean with what its own teachers say.
    without
        Sources of which no film is seen, by any of the networks.
    resume
        Go on from where the network that was being trained was last saved; begin where nothing was.
    device, precision
        As for `Run`.
    deadline
        When to stop, on `time.monotonic`'s clock.
    progress, report
        Called as it goes on.
    notify
        Called with what somebody who started it should know.
    """

    films_csv: Path
    init: Path | None
    resume: bool
    device: torch.device
    precision: torch.dtype
    progress: Progress
    report: Report
    notify: Callable[[str], None]
    predictions: tuple[Path, ...] = ()
    without: tuple[str, ...] = ()
    deadline: float = math.inf


def train(recipe: Recipe, folder: Path, plan: Plan, fold: int | None = None) -> None:
    """Train the networks of a recipe that are not trained yet: first its teachers, one a fold, then its own.

    A network with teachers begins from the mean of their weights, which lies in one valley since all of them began from
    one trunk (Wortsman et al., "Model soups", ICML 2022).

    Parameters
    ----------
    folder
        The run folder; those of the teachers are beside it.
    fold
        The fold that is left out, and predicted when the network has learnt; by default all films are learnt.

    Raises
    ------
    OutOfTimeError
        At the deadline; all is saved.
    ValueError
        If the recipe has no such fold, its teachers have no folds, a folder holds another run, predictions are given
        to a recipe without teachers or are not of these films, or a source to be left out is not there.
    """
    if fold is not None and not 0 <= fold < recipe.folds:
        raise ValueError(f"The recipe {recipe.name} has no fold {fold}; it has {recipe.folds}.")
    teachers = _teachers(recipe, folder)
    if not teachers and plan.predictions:
        raise ValueError(f"The recipe {recipe.name} learns from labels alone: leave out --predictions.")
    films, left_out = _films(plan)
    plan.notify(str(films))
    others = read_others(plan.predictions, plan.films_csv.parent, films.films, left_out)
    if plan.resume and not any((one / CHECKPOINT).exists() for one in (folder, *teachers)):
        plan.notify(f"There is nothing to resume for {folder} yet: training begins.")
    codes = []
    for held_out, (teacher, its_recipe) in enumerate(teachers.items()):
        its_plan = _named(plan, f"teacher {held_out + 1} of {len(teachers)}")
        codes += _train_one(its_recipe, teacher, films, its_plan, {}, held_out).split()
    if not teachers:
        _train_one(recipe, folder, films, plan, {}, fold)
        return
    plan = replace(plan, init=_mean_weights(list(teachers), folder / INIT))
    own = read_predictions([teacher / FILE_NAME for teacher in teachers], plan.films_csv.parent)
    _train_one(recipe, folder, films, plan, mean_predictions([own, *others]), fold, codes)


def _films(plan: Plan) -> tuple[Learnable, list[LabelledFilm]]:
    """The films that are learnt and validated, and those of the sources that are left out."""
    films = read_collection(plan.films_csv)
    sources = {film.source for film in films}
    for source in plan.without:
        if source not in sources:
            raise ValueError(f"The collection has no source {source!r}; it has {', '.join(sorted(sources))}.")
    left_out = [film for film in films if film.source in plan.without]
    found = learnable(films, plan.progress)
    return found._replace(films=[film for film in found.films if film.source not in plan.without]), left_out


def _named(plan: Plan, network: str) -> Plan:
    """The same plan, whose progress says which network is trained."""
    return replace(plan, progress=lambda what, done, of: plan.progress(f"{network}: {what}", done, of))


def device_named(name: str | None) -> torch.device:
    """Return a device by torch's name; by default a graphics card where there is one.

    Raises
    ------
    ValueError
        If torch knows no such device, or this machine has none.
    """
    try:
        device = torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f"There is no device {name!r} here.") from error
    return device


def precision_named(name: str | None, device: torch.device) -> torch.dtype:
    """Return `bfloat16` or `float32`; by default `bfloat16` on a device that has instructions for it.

    A processor with AVX2 alone takes twelve times as long for it as for `float32`.
    """
    if name is None:
        return torch.bfloat16 if _computes_bfloat16(device) else torch.float32
    return {"bfloat16": torch.bfloat16, "float32": torch.float32}[name]


def _computes_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    able = torch.cpu.get_capabilities()
    return device.type == "cpu" and any(able.get(name) for name in _BFLOAT16_INSTRUCTIONS)


def _teachers(recipe: Recipe, folder: Path) -> dict[Path, Recipe]:
    """The run folders of the teachers, where `--fold K` puts them by default, with their recipe."""
    if recipe.teachers is None:
        return {}
    teacher = read_recipe(recipe.teachers)
    if not teacher.folds or teacher.teachers:
        raise ValueError(f"The recipe {teacher.name} cannot teach: it needs folds, and no teachers of its own.")
    return {folder.with_name(f"{teacher.name}-fold-{fold}"): teacher for fold in range(teacher.folds)}


def _mean_weights(teachers: list[Path], path: Path) -> Path:
    """Write the mean of the teachers' weights."""
    weights = [load_file(teacher / WEIGHTS) for teacher in teachers]
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({key: torch.stack([one[key].float() for one in weights]).mean(0) for key in weights[0]}, path)
    return path


def _train_one(
    recipe: Recipe,
    folder: Path,
    collection: Learnable,
    plan: Plan,
    predictions: Predictions,
    fold: int | None,
    codes: Sequence[str] = (),
) -> str:
    """Train one network and, where a fold is left out, predict that; nothing where that is done.

    Parameters
    ----------
    codes
        The hashes of the code that trained its teachers.

    Returns
    -------
    The hashes of all code that had a part in it.
    """
    films = collection.films
    held_out = {film for film in films if film.split == "train" and fold == fold_of(film, recipe.folds or 1)}
    learnt = [film for film in films if film not in held_out]
    chest = [film for film in films if film in held_out and film.group != "ood"]
    run = Run(recipe, folder, predictions, plan.device, plan.precision)
    if fold is not None and is_complete(folder / FILE_NAME, plan.films_csv.parent, chest):
        code = str(run.saved(plan.init, learnt)["code"])
        plan.notify(f"{folder} is trained already and taken as it is.")
        return code
    if plan.resume and (folder / CHECKPOINT).exists():
        run.resume(plan.init, learnt)
    else:
        run.start(plan.init, learnt)
    run.record["left_out"] = collection.left_out
    run.name_code(codes)
    run.fit(learnt, plan.progress, lambda metrics: plan.report({"network": folder.name, **metrics}), plan.deadline)
    if fold is not None:
        size = recipe.size(recipe.epochs - 1)
        predictions = predict_films(run.average, chest, size, plan.precision, plan.progress)
        write_predictions(predictions, plan.films_csv.parent, folder / FILE_NAME)
    return str(run.record["code"])
