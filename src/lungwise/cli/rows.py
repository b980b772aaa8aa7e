"""Rows on the command line: a table for people, a JSON object in each line for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import click
from rich.console import Console
from rich.table import Table

_WIDEST = 10_000
"""Characters of a line that goes into a file or to another program."""


def print_rows(rows: Sequence[Mapping[str, str]], *, as_json: bool) -> None:
    """Print rows that have the same columns, or for people that there are none."""
    if as_json:
        for row in rows:
            click.echo(json.dumps(row, ensure_ascii=False))
        return
    if not rows:
        click.echo("There are none.")
        return
    table = Table(*rows[0])
    for row in rows:
        table.add_row(*row.values())
    console = Console()
    if not console.is_terminal:  # a program reads it: nothing is cut
        console.width = _WIDEST
    console.print(table)
