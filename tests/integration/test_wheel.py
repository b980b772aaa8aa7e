"""The wheel: what is in it, and that what it installs runs without the checkout."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
import sysconfig
import urllib.request
import venv
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lungwise.cli.synthetic_film import synthetic_jpeg
from servers import free_port

ROOT = Path(__file__).parents[2]
SOURCES = {".po", ".cfg"}
"""What translations are made from, which nothing reads once they are."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel as `make wheel` does."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder], cwd=ROOT, check=True)
    (built,) = folder.glob("*.whl")
    return built


class Installed:
    """Lungwise in an environment of its own, which sees the packages of this one, but not this checkout."""

    def __init__(self, folder: Path, wheel: Path) -> None:
        self.folder = folder / "work"
        self.folder.mkdir()
        venv.create(folder / "venv", symlinks=True)
        self.bin = folder / "venv" / "bin"
        options = ["--quiet", "--no-deps", "--no-index", "--disable-pip-version-check"]
        pip = [sys.executable, "-m", "pip", "--python", str(self.bin / "python"), "install", *options]
        subprocess.run([*pip, str(wheel)], check=True)
        (own,) = (folder / "venv" / "lib").glob("python*/site-packages")
        (own / "beside.pth").write_text(sysconfig.get_paths()["purelib"])  # of its own .pth files none is followed

    def command(self, *words: str) -> list[str]:
        """Give a command of the installed program."""
        return [str(self.bin / "lungwise"), *words]

    def environment(self, **settings: str) -> dict[str, str]:
        """Give the environment of a machine that has nothing set for Lungwise but the data folder and these."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("LUNGWISE_", "PYTHON"))}
        return kept | {"LUNGWISE_DATA_FOLDER": str(self.folder / "data"), "PYTHONUNBUFFERED": "1", **settings}

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, outside of every checkout."""
        return subprocess.run(
            self.command(*words),
            cwd=self.folder,
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    @contextmanager
    def serving(self, errors: Path, **settings: str) -> Iterator[str]:
        """Serve the pages until the block ends; give their address."""
        port = str(free_port())
        with errors.open("w") as log:
            process = subprocess.Popen(
                self.command("serve"),
                cwd=self.folder,
                env=self.environment(LUNGWISE_PORT=port, **settings),
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert process.stdout is not None
        try:
            assert any("Lungwise listens" in line for line in process.stdout), errors.read_text()
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.communicate(timeout=120)


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Install the wheel."""
    return Installed(tmp_path_factory.mktemp("installed"), wheel)


def get(address: str, language: str = "en") -> str:
    request = urllib.request.Request(address, headers={"Accept-Language": language})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return str(answer.read().decode(errors="replace"))


def test_a_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    package = ROOT / "src" / "lungwise"
    files = [path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    expected = {f"lungwise/{path.relative_to(package)}" for path in files if path.suffix not in SOURCES}
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
        about = {Path(name).name for name in archive.namelist() if ".dist-info/" in name}
    assert held == expected
    assert {Path(name).suffix for name in held} >= {".onnx", ".html", ".css", ".js", ".woff2", ".mo", ".xz", ".mako"}
    assert {"METADATA", "LICENSE", "entry_points.txt"} <= about


def test_it_reads_a_film(installed: Installed) -> None:
    (installed.folder / "film.jpg").write_bytes(synthetic_jpeg(1))
    done = installed.run("read", "--json", "film.jpg")
    assert done.returncode == 0, done.stderr
    (line,) = map(json.loads, done.stdout.splitlines())
    assert line["status"] == "read"
    assert done.stderr == ""


@pytest.fixture(scope="module")
def database(installed: Installed) -> Path:
    """Make the database."""
    made = installed.run("db", "upgrade")
    assert made.returncode == 0, made.stderr
    (path,) = (installed.folder / "data").glob("*.sqlite")
    return path


@pytest.mark.usefixtures("database")
def test_it_serves_pages_in_each_language(installed: Installed, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with installed.serving(log, LUNGWISE_LOG_LEVEL="warning") as address:
        page = get(f"{address}/welcome")
        parts = re.findall(r'(?:href|src)="(/static/[^"]+)"', page)
        assert len(parts) > 3
        assert all(get(address + part) for part in parts)
        assert '<html lang="hi"' in get(f"{address}/welcome", "hi")
        assert get(f"{address}/readyz")
    assert log.read_text() == ""  # neither its own requests, at this level, nor what libraries say of their work


def test_on_the_database_of_a_later_release_it_says_one_sentence(installed: Installed, database: Path) -> None:
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    for words in (("serve",), ("db", "upgrade")):
        done = installed.run(*words)
        assert done.returncode == 1, done.stdout
        assert "A later release of Lungwise has upgraded this database (schema 9999)." in done.stderr
        assert len(done.stderr.splitlines()) == 1
