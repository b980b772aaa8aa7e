"""`lungwise evaluate`: labelled films in, numbers with their intervals out."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table as RichTable

from lungwise.cli.errors import one_line_errors
from lungwise.cli.options import films_option
from lungwise.cli.progress import counted
from lungwise.evaluation import protocol
from lungwise.evaluation.evaluate import Extras
from lungwise.evaluation.evaluate import evaluate as measure
from lungwise.evaluation.figures import draw_figures
from lungwise.evaluation.model_card import render
from lungwise.evaluation.schema import Evaluation
from lungwise.evaluation.tables import Table, beyond, tables
from lungwise.evaluation.verdict_rates import stated_rates
from lungwise.reading import Reader
from lungwise.reading.artefact import Artefact, read_statement, write_card


@click.command()
@films_option
@click.option("--split", type=click.Choice(protocol.SPLITS), help="This split alone [test and external].")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document (lungwise/evaluation/schema.py).")
@click.option("--figures", type=click.Path(file_okay=False, path_type=Path), help="Draw figures here, PNG and SVG.")
@click.option("--model-card", type=click.Path(dir_okay=False, path_type=Path), help="Write the model card here.")
@click.option(
    "--write-card",
    "writes_card",
    is_flag=True,
    help="Write into the model's own card how often its verdicts are right on `test`; pages say that.",
)
@click.option(
    "--float", "float32", type=click.Path(exists=True, path_type=Path), help="A float32.onnx to hold int8 against."
)
@click.option(
    "--others",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Pictures that are not chest films (bin/other-pictures).",
)
@click.option("--photographs", is_flag=True, help="Ask again on synthetic photographs of the films.")
@click.option("--leave-one-out", "leaves_out", is_flag=True, help="Refit a head without each source in turn.")
@one_line_errors
def evaluate(
    films: Path,
    split: str | None,
    as_json: bool,
    figures: Path | None,
    model_card: Path | None,
    writes_card: bool,
    float32: Path | None,
    others: Path | None,
    photographs: bool,
    leaves_out: bool,
) -> None:
    """Measure the model on labelled films, source by source.

    Every share and every AUC comes with its 95 % interval. No AUC ever sets one source against another.
    """
    splits = (split,) if split else protocol.DEFAULT_SPLITS
    options = {
        f"--split {split}": split,
        "--float RUN/float32.onnx": float32,
        "--others FOLDER": others,
        "--photographs": photographs,
        "--leave-one-out": leaves_out,
        "--write-card": writes_card,
    }
    command = " ".join(["lungwise evaluate", *(option for option, given in options.items() if given)])
    reader = Reader()
    exact = Reader(replace(reader.artefact, onnx=float32)) if float32 else None
    extras = Extras(exact=exact, pictures=others, photographs=photographs, leave_one_out=leaves_out)
    if writes_card and "test" not in splits:
        raise click.UsageError("--write-card needs the split `test`: the films of `val` chose the thresholds.")
    results, evaluation = measure(reader, films, splits, command, counted, extras)
    if writes_card:
        _write_card(reader.artefact, evaluation)
    if figures:
        draw_figures(results, figures)
    if model_card:
        model_card.write_text(render(evaluation, read_statement()), encoding="utf-8")
    if as_json:
        click.echo(json.dumps(evaluation, indent=1, ensure_ascii=False))
    else:
        _print(evaluation)


def _write_card(artefact: Artefact, evaluation: Evaluation) -> None:
    """Write how often the verdicts are right into the card beside the model, and into the evaluation's copy of it."""
    rates = stated_rates(evaluation["splits"])
    if rates is None:
        raise click.ClickException(
            "These films do not say how often a verdict is right: they lack SIIM's or RICORD's of `test`."
        )
    metrics = {**artefact.card.metrics, "verdicts": asdict(rates)}
    write_card(replace(artefact.card, metrics=metrics), artefact.onnx.with_name("card.json"))
    evaluation["card"]["metrics"] = metrics


def _print(evaluation: Evaluation) -> None:
    console = Console()
    card = evaluation["card"]
    console.print(f"{card['name']} {card['version']}, {evaluation['date']}")
    for split in evaluation["splits"]:
        console.rule(f"split {split['split']}", style="dim")
        for table in tables(split):
            console.print(_rich(table))
    for table in beyond(evaluation):
        console.print(_rich(table))


def _rich(table: Table) -> RichTable:
    rich = RichTable(
        title=f"\n{table.title}",
        title_style="bold",
        title_justify="left",
        caption=table.note,
        caption_justify="left",
        header_style="dim",
        box=None,
        padding=(0, 1, 0, 0),
    )
    for index, heading in enumerate(table.columns):
        numbers = _are_numbers(table, index)
        rich.add_column(heading, justify="right" if numbers else "left", no_wrap=numbers or index == 0)
    for row in table.rows:
        rich.add_row(*row)
    return rich


def _are_numbers(table: Table, column: int) -> bool:
    return all(row[column][:1].isdigit() or row[column] == "-" for row in table.rows)
