"""The guide's examples of the REST API do what they say."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import lungwise
from live_server import LiveServer, live_server

GUIDE = Path(__file__).parents[2] / "docs" / "guide" / "developer.md"
SECTION = GUIDE.read_text(encoding="utf-8").split("## Use the REST API")[1].split("\n## ")[0]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with live_server(tmp_path_factory.mktemp("examples") / "data") as server:
        yield server


@pytest.fixture
def environment(server: LiveServer, tmp_path: Path, film: Callable[..., bytes]) -> dict[str, str]:
    """Give what the guide says is there: a server, a token, a film."""
    (tmp_path / "film.jpg").write_bytes(film(1, 8))
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    package = str(Path(lungwise.__file__).parents[1])
    return os.environ | {"SERVER": server.address, "TOKEN": server.token, "PATH": path, "PYTHONPATH": package}


def run(command: list[str], folder: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_commands(environment: dict[str, str], tmp_path: Path) -> None:
    session = "\necho ------\n".join(examples("sh"))  # in one shell, as whoever follows the guide has it
    said = run(["bash", "-euo", "pipefail", "-c", session], tmp_path, environment).split("------\n")
    key = json.loads((tmp_path / "study.json").read_text())["key"]
    assert said[1].count(key) == 2  # among the positive ones, and found by a word
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")
    assert json.loads((tmp_path / "report.json").read_text())["resourceType"] == "Bundle"
    assert json.loads(said[-1])["covid"]["verdict"] == "positive"


def test_the_python(environment: dict[str, str], tmp_path: Path) -> None:
    for example in examples("python"):
        assert run([sys.executable, "-c", example], tmp_path, environment).startswith("positive 0.")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")


def examples(language: str) -> list[str]:
    found = re.findall(rf"```{language}\n(.*?)```", SECTION, re.DOTALL)
    assert found
    return found
