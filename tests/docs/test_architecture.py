"""The drawing of the architecture is the order that import-linter holds."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import lungwise

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
LAYERS: list[str] = next(contract["layers"] for contract in CONTRACTS if contract["type"] == "layers")


def drawn() -> list[str]:
    """The rooms from the top to the bottom, as the arrows lead."""
    chart = PAGE.split("```mermaid\n")[1].split("```")[0]
    names = dict(re.findall(r'(\w+)\["([^<"]+)', chart))
    arrows = dict(re.findall(r'^\s*(\w+)(?:\[".*?"\])? --> (\w+)', chart, re.MULTILINE))
    (room,) = set(arrows) - set(arrows.values())
    rooms = [room]
    while room in arrows:
        room = arrows[room]
        rooms.append(room)
    return [names.get(room, room) for room in rooms]


def test_the_drawing_has_the_layers_in_their_order() -> None:
    assert drawn() == LAYERS


def test_every_module_of_the_package_has_its_layer() -> None:
    package = Path(lungwise.__file__).parent
    rooms = {one.stem for one in package.iterdir() if one.suffix == ".py" or (one / "__init__.py").exists()}
    assert rooms - {"__init__"} == {room for layer in LAYERS for room in layer.split(" | ")}
