from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
import supply
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
LOCKS = sorted((ROOT / "locks").glob("*.txt"))
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS: dict[str, list[str]] = PROJECT["project"]["optional-dependencies"]


def requirements() -> list[tuple[str, Requirement]]:
    """Every requirement of the project file, with the lock that pins it."""
    listed = {"run": PROJECT["project"]["dependencies"], "build": PROJECT["dependency-groups"]["build"], **EXTRAS}
    return [(lock, Requirement(text)) for lock, texts in listed.items() for text in texts]


@pytest.mark.parametrize(("lock", "wanted"), requirements(), ids=str)
def test_a_requirement_has_an_upper_bound_and_is_pinned_within_it(lock: str, wanted: Requirement) -> None:
    name = re.sub(r"[-_.]+", "-", wanted.name).lower()
    pins = {package.name: package for package in supply.locked(ROOT / f"locks/{lock}.txt")}
    if name == "torch":  # its two builds have locks of their own
        pins = {package.name: package for package in supply.locked(ROOT / "locks/torch.txt")}

    assert any(one.operator in ("~=", "==", "<") for one in wanted.specifier)
    assert pins[name].version in wanted.specifier


def test_the_build_requirements_are_those_of_the_lock() -> None:
    build = Requirement(PROJECT["build-system"]["requires"][0])

    assert str(build) in PROJECT["dependency-groups"]["build"]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_every_locked_package_is_pinned_and_has_a_hash(lock: Path) -> None:
    packages = list(supply.locked(lock))

    assert packages
    for package in packages:
        assert [one.operator for one in package.requirement.specifier] == ["=="], package.requirement
        assert package.hashes, package.requirement


def test_locks_agree_on_every_version() -> None:
    versions: dict[tuple[str, str], set[str]] = {}
    for lock in LOCKS:
        for package in supply.locked(lock):
            pin = package.name, str(package.requirement.marker or "")
            versions.setdefault(pin, set()).add(package.version.split("+")[0])

    assert {pin: found for pin, found in versions.items() if len(found) > 1} == {}


@pytest.mark.parametrize("by", [["-m", "pip"], ["-m", "uv", "pip"]], ids=["pip", "uv"])
def test_pip_takes_nothing_whose_hash_is_another(tmp_path: Path, by: list[str]) -> None:
    package = tmp_path / "click-8.3.0-py3-none-any.whl"
    with zipfile.ZipFile(package, "w") as wheel:  # not what was locked
        wheel.writestr("click-8.3.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: click\nVersion: 8.3.0\n")
        wheel.writestr("click-8.3.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr("click-8.3.0.dist-info/RECORD", "")
    lock = tmp_path / "lock.txt"
    lock.write_text(f"click @ {package.as_uri()} --hash=sha256:{'0' * 64}\n", encoding="utf-8")
    command = [sys.executable, *by, "install", "--no-deps", "--require-hashes", "-r", str(lock)]
    command += ["--target", str(tmp_path / "installed")]

    run = subprocess.run(command, capture_output=True, text=True, check=False)

    assert run.returncode != 0
    assert "do not match the hashes" in run.stderr.lower() or "hash mismatch" in run.stderr.lower()


def test_the_set_up_installs_from_the_locks_alone() -> None:
    setup = (ROOT / "bin" / "setup").read_text(encoding="utf-8")
    installs = [line for line in setup.splitlines() if "pip install" in line]

    assert len(installs) == 3  # by uv, by pip, and Lungwise itself
    assert all("--require-hashes" in line or "--no-deps --no-build-isolation" in line for line in installs)


def test_the_bill_of_materials_is_what_is_locked_and_shipped() -> None:
    assert (ROOT / "docs" / "sbom.cdx.json").read_text(encoding="utf-8") == supply.bill(), "run `make docs`"


def test_the_bill_names_the_model_by_its_hash() -> None:
    parts = json.loads((ROOT / "docs" / "sbom.cdx.json").read_text(encoding="utf-8"))["components"]
    card = json.loads((supply.WEIGHTS / "card.json").read_text(encoding="utf-8"))

    (model,) = [part for part in parts if part["type"] == "machine-learning-model"]

    assert (model["name"], model["version"]) == (card["name"], card["version"])
    assert model["hashes"][0]["content"] in card["hashes"].values()


def test_every_package_that_runs_has_an_allowed_licence() -> None:
    assert {name: licence for name, licence in supply.licences().items() if not supply.is_allowed(licence)} == {}


@pytest.mark.parametrize(
    ("licence", "allowed"),
    [
        ("MIT", True),
        ("GPL-3.0-only OR MIT", True),
        ("GPL-3.0-only", False),
        ("MIT AND GPL-3.0-only", False),
        ("unknown", False),
    ],
)
def test_a_licence_is_allowed_where_it_can_be_met(licence: str, allowed: bool) -> None:
    assert supply.is_allowed(licence) is allowed
