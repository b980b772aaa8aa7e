"""The command line: one module per command, loaded only when it is called."""

from __future__ import annotations

import sys
from importlib import import_module

import click

from lungwise import __version__
from lungwise.allocator import loading

COMMANDS = {
    "read": "lungwise.cli.read:read",
    "pack": "lungwise.cli.pack:pack",
    "train": "lungwise.cli.train:train",
    "export": "lungwise.cli.export:export",
    "evaluate": "lungwise.cli.evaluate:evaluate",
    "reference": "lungwise.cli.reference:reference",
    "bench": "lungwise.cli.bench:bench",
    "serve": "lungwise.cli.serve:serve",
    "node": "lungwise.cli.node:node",
    "hl7": "lungwise.cli.hl7:hl7",
    "send": "lungwise.cli.send:send",
    "unsent": "lungwise.cli.unsent:unsent",
    "worker": "lungwise.cli.worker:worker",
    "jobs": "lungwise.cli.jobs:jobs",
    "watch": "lungwise.cli.watch:watch",
    "aggregates": "lungwise.cli.aggregates:aggregates",
    "demo": "lungwise.cli.demo:demo",
    "users": "lungwise.cli.users:users",
    "clinics": "lungwise.cli.clinics:clinics",
    "tokens": "lungwise.cli.tokens:tokens",
    "results": "lungwise.cli.results:results",
    "retention": "lungwise.cli.retention:retention",
    "thresholds": "lungwise.cli.thresholds:thresholds",
    "db": "lungwise.cli.db:db",
    "keys": "lungwise.cli.keys:keys",
    "audit": "lungwise.cli.audit:audit",
    "deidentify": "lungwise.cli.deidentify:deidentify",
}
"""Each command and where it lives; torch and matplotlib stay unloaded until one needs them."""


class _Lazy(click.Group):
    """A group that imports a command's module when the command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name].split(":")
        if module not in sys.modules:
            with loading():
                import_module(module)
        command: click.Command = getattr(sys.modules[module], name)
        return command


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="lungwise")
def main() -> None:
    """Read chest X-ray films for COVID-19. Research and decision support; not a medical device."""
