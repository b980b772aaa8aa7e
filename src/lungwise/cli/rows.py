"""Rows on the command line: a table for people, a JSON object in each line for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import click
from rich.console import Console
from rich.table import Table

_WIDEST = 10_000
"""Characters of a line that goes into a file or to another program."""


def print_rows(rows: Sequence[Mapping[str, str]], first_column: str, *, as_json: bool) -> None:
    """Print rows that have the same columns; without any row, the name of the first column."""
    if as_json:
        for row in rows:
            click.echo(json.dumps(row, ensure_ascii=False))
        return
    table = Table(*(rows[0] if rows else [first_column]))
    for row in rows:
        table.add_row(*row.values())
    console = Console()
    if not console.is_terminal:  # a program reads it: nothing is cut
        console.width = _WIDEST
    console.print(table)
