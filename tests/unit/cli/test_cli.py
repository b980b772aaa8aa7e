from __future__ import annotations

import subprocess
import sys

from click.testing import CliRunner

from lungwise import __version__
from lungwise.cli import COMMANDS, main


def test_help_lists_every_command() -> None:
    done = CliRunner().invoke(main, ["--help"])

    assert done.exit_code == 0
    assert all(command in done.output for command in COMMANDS)


def test_the_version_is_the_packages() -> None:
    assert __version__ in CliRunner().invoke(main, ["--version"]).output


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
