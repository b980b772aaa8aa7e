from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner

from lungwise import __version__
from lungwise.cli import COMMANDS, main


def test_help_lists_every_command() -> None:
    done = CliRunner().invoke(main, ["--help"])

    assert done.exit_code == 0
    assert all(command in done.output for command in COMMANDS)


def test_the_version_is_the_packages() -> None:
    assert __version__ in CliRunner().invoke(main, ["--version"]).output


def test_the_version_is_the_newest_of_the_changelog() -> None:
    changes = Path(__file__).parents[3] / "CHANGELOG.md"
    released = re.findall(
        r"^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d\d-\d\d$", changes.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert released[0] == __version__


def test_an_unknown_command_is_bad_usage() -> None:
    assert CliRunner().invoke(main, ["diagnose"]).exit_code == 2


def test_help_of_no_command_loads_torch() -> None:
    program = """
import sys
from lungwise.cli import COMMANDS, main

for command in COMMANDS:
    main([command, "--help"], standalone_mode=False)
    assert "torch" not in sys.modules, command
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Usage:") == len(COMMANDS)
