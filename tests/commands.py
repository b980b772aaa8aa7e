"""One run of the command line in this process."""

from __future__ import annotations

from click.testing import CliRunner, Result

from lungwise.cli import main

PASSWORD = "three green kites fly"
ADA = ["users", "add", "ada@example.org", "--name", "Ada", "--clinic", "Hill", "--password", PASSWORD]


class Run:
    """One command's run."""

    def __init__(self, *words: str) -> None:
        self.result: Result = CliRunner().invoke(main, words)
        self.output = self.result.output

    def ok(self) -> str:
        """Return the output of a command that succeeds."""
        assert self.result.exit_code == 0, self.output
        return self.output

    def no(self) -> str:
        """Return the output of a command that fails."""
        assert self.result.exit_code == 1, self.output
        return self.output
