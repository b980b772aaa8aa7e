"""A recipe: everything that decides a training run, in one small TOML file."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Stage:
    """Some epochs at one film size in pixels."""

    size: int
    epochs: int


@dataclass(frozen=True, slots=True)
class Recipe:
    """A training run's settings; the shipped recipe's comments say why each is as it is."""

    name: str
    seed: int
    batch: int
    weight_decay: float
    average: float
    smoothing: float
    stages: tuple[Stage, ...]
    learning_rate: dict[str, float]
    loss: dict[str, float]
    share: dict[str, float]

    @property
    def epochs(self) -> int:
        """How many in all stages."""
        return sum(stage.epochs for stage in self.stages)

    def size(self, epoch: int) -> int:
        """Film size of an epoch, counted from 0."""
        return [stage.size for stage in self.stages for _ in range(stage.epochs)][epoch]


def read_recipe(name: str) -> Recipe:
    """Read a recipe by the name of a shipped one or by path.

    Raises
    ------
    ValueError
        If there is no such recipe, or a setting is missing or unknown.
    """
    shipped = Path(str(files("lungwise.training") / "recipes" / f"{name}.toml"))
    path = shipped if shipped.is_file() else Path(name)
    try:
        settings: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        settings["stages"] = tuple(Stage(**stage) for stage in settings["stages"])
        return Recipe(**settings)
    except OSError as error:
        known = ", ".join(sorted(recipe.stem for recipe in shipped.parent.glob("*.toml")))
        raise ValueError(f"no recipe {name!r}; shipped ones: {known}") from error
    except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise ValueError(f"recipe {path}: {error}") from error
