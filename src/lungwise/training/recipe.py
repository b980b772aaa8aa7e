"""A recipe: everything that decides a training run, in one small TOML file."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

RECIPES = Path(str(files("lungwise.training") / "recipes"))
"""Where the shipped recipes are."""

Share = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0)]
Rate = Annotated[float, Field(gt=0)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Stage(_Table):
    """Some epochs at one film size."""

    size: int = Field(ge=75, description="Side of the square that films are preprocessed to, in pixels.")
    epochs: int = Field(ge=1, description="How many epochs at this size.")


class LearningRate(_Table):
    """The highest learning rates, after the warm-up."""

    trunk: Rate = Field(description="Of the pretrained trunk.")
    heads: Rate = Field(description="Of the heads and the opacity map.")


class LossWeights(_Table):
    """The weight of each task in the loss; 0 does without it."""

    appearance: Weight = Field(default=0.0, description="Cross entropy with the radiologists' appearance.")
    findings: Weight = Field(default=0.0, description="Binary cross entropy of each finding that is known.")
    gate: Weight = Field(default=0.0, description="Cross entropy of how the film lies, or that it is not a chest film.")
    opacity: Weight = Field(default=0.0, description="Binary cross entropy of each cell of the map with the boxes.")
    pointing: Weight = Field(default=0.0, description="Cross entropy of the whole map with being in a box.")


class Odds(_Table):
    """How likely each change is to be made to a training film."""

    transplant: Share = Field(default=0.3, description="The chest is put into the surroundings of another film.")
    levels: Share = Field(default=0.4, description="The film gets the grey levels of another.")
    photograph: Share = Field(default=0.12, description="Light, shadow and moire of a telephone's photograph.")
    blur: Share = Field(default=0.15, description="Gaussian blur.")
    sharpen: Share = Field(default=0.15, description="Unsharp mask.")
    coarsen: Share = Field(default=0.3, description="Loss of resolution.")
    noise: Share = Field(default=0.1, description="Gaussian noise.")
    collimate: Share = Field(default=0.15, description="A black, white or grey frame.")
    text: Share = Field(default=0.2, description="A side mark or a number near the edge.")
    erase: Share = Field(default=0.3, description="A hidden patch.")
    recompress: Share = Field(default=0.2, description="JPEG compression.")
    invert: Share = Field(default=0.02, description="The wrong photometric interpretation.")
    turn: Share = Field(default=0.05, description="A quarter or half turn, which teaches the gate alone.")
    synthetic_negative: Share = Field(
        default=0.03,
        description="A synthetic picture in the film's place, which teaches the gate alone.",
    )


class Recipe(_Table):
    """A training run's settings; the shipped recipes' comments say why each is as it is."""

    name: str = Field(min_length=1, description="Also the name of the run folder, where none is given.")
    seed: int = Field(ge=0, description="Of the weights that are not pretrained, the order and the augmentation.")
    batch: int = Field(ge=1, description="Films in a step.")
    stages: tuple[Stage, ...] = Field(min_length=1, description="Film sizes, in their order.")
    learning_rate: LearningRate
    warm_up: Share = Field(default=0.05, description="Share of the run in which the learning rate rises, linearly.")
    final_rate: Share = Field(default=0.01, description="Share of the learning rate that a cosine leaves at the end.")
    weight_decay: Weight = Field(description="Of AdamW.")
    clip: Rate = Field(default=5.0, description="Highest norm of the gradient.")
    frozen_stem: bool = Field(default=False, description="The pretrained trunk's first five layers are not trained.")
    dropout: Share = Field(default=0.3, description="Share of the features dropped before two heads.")
    average: Share = Field(description="What the moving average of the weights keeps of itself in a step.")
    loss: LossWeights
    share: dict[str, Weight] = Field(
        description="Share of films seen in an epoch, 1 where none is given, by `source:label`, `source`, or what "
        "sources begin with (`cohen` for all `cohen-*`)."
    )
    augment: Odds = Odds()
    smoothing: Share = Field(
        description="Share of a label that goes to the teachers' prediction, or to all appearances alike without any."
    )
    correction: Share = Field(
        default=1.0,
        description="Share of the typical appearance that teachers see in a film of another known diagnosis, and that "
        "goes to the appearance of that diagnosis.",
    )
    teachers: str | None = Field(
        default=None,
        description="A recipe with folds, whose out-of-fold predictions this one learns from.",
    )
    folds: int = Field(
        default=0,
        ge=0,
        description="Folds of the patients; `--fold K` leaves one out, and predicts it at the end.",
    )

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
        If there is no such recipe, or a setting is missing, unknown or out of its range.
    """
    shipped = RECIPES / f"{name}.toml"
    path = shipped if shipped.is_file() else Path(name)
    try:
        return parse_recipe(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        known = ", ".join(sorted(recipe.stem for recipe in RECIPES.glob("*.toml")))
        raise ValueError(f"There is no recipe {name!r}. Shipped: {known}.") from error
    except ValueError as error:
        raise ValueError(f"Recipe {path}: {error}") from error


def parse_recipe(settings: dict[str, Any]) -> Recipe:
    """Validate a recipe's settings.

    Raises
    ------
    ValueError
        If a setting is missing, unknown or out of its range; names each.
    """
    try:
        return Recipe.model_validate(settings)
    except ValidationError as error:
        wrong = (f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise ValueError("; ".join(wrong)) from error
