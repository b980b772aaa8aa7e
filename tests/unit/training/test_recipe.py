from __future__ import annotations

from pathlib import Path

import pytest

from lungwise.films.preprocess import SIZE
from lungwise.training.recipe import RECIPES, Odds, Recipe, read_recipe

pytestmark = pytest.mark.training


@pytest.mark.parametrize("name", [path.stem for path in RECIPES.glob("*.toml")])
def test_the_shipped_recipes_read(name: str) -> None:
    recipe = read_recipe(name)

    assert recipe.name == name
    assert recipe.size(0) <= recipe.size(recipe.epochs - 1) <= SIZE


def test_the_shipped_recipes_teachers_have_folds() -> None:
    teachers = read_recipe("inception_v3").teachers

    assert teachers is not None
    assert read_recipe(teachers).folds == 4


def test_an_unknown_recipe_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match="inception_v3"):
        read_recipe("vgg")


def test_a_recipe_with_an_unknown_setting_is_refused(tmp_path: Path) -> None:
    (tmp_path / "odd.toml").write_text('stages = []\nmomentum = 0.9\nname = "odd"\n')

    with pytest.raises(ValueError, match="momentum"):
        read_recipe(str(tmp_path / "odd.toml"))


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("batch = 0", "batch: Input should be greater than or equal to 1"),
        ('seed = "two"', "seed: Input should be a valid integer"),
        ("[augment]\nblur = 1.5", "augment.blur: Input should be less than or equal to 1"),
        ("[augment]\nblurr = 0.5", "augment.blurr: Extra inputs are not permitted"),
        ("[loss]\ngate = -1.0", "loss.gate: Input should be greater than or equal to 0"),
    ],
)
def test_a_wrong_setting_is_named_on_one_line(tmp_path: Path, setting: str, said: str) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(setting)

    with pytest.raises(ValueError, match=r"wrong\.toml") as refused:
        read_recipe(str(path))

    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_text_that_is_not_toml_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "broken.toml"
    path.write_text("name = ")

    with pytest.raises(ValueError, match=r"broken\.toml"):
        read_recipe(str(path))


@pytest.mark.parametrize("table", [Recipe, Odds])
def test_every_setting_is_described(table: type[Recipe | Odds]) -> None:
    nested = {"learning_rate", "loss", "augment"}

    assert all(field.description or name in nested for name, field in table.model_fields.items())


def test_what_ships_ends_at_the_size_that_films_are_read_at() -> None:
    recipe = read_recipe("inception_v3")

    assert recipe.size(recipe.epochs - 1) == SIZE
