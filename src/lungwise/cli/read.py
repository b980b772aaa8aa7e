"""`lungwise read`: films and folders in, verdicts out."""

from __future__ import annotations

import csv
import json
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, fields
from itertools import chain, count
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lungwise.cli.batch_reader import (
    BatchReader,
    FilmHeadline,
    HeadedReading,
    ModelName,
    by_thresholds,
    headline_of,
    own_thresholds,
)
from lungwise.cli.errors import one_line_errors
from lungwise.cli.options import NumberRange
from lungwise.cli.progress import counted
from lungwise.cli.settings import read_settings
from lungwise.films import Refusal, open_path
from lungwise.films.refusals import Words, refusal_sentence, warning_sentence
from lungwise.films.work_limit import set_seconds
from lungwise.languages import LANGUAGES, words_of
from lungwise.reading import Reader, ReadFile, Reading, Verdict, overlay
from lungwise.reading.artefact import shipped_card
from lungwise.reading.extent import Extent
from lungwise.reading.findings import FINDING_NAMES
from lungwise.reading.own_thresholds import OwnThresholds
from lungwise.reading.pattern import COVID
from lungwise.reading.prevalence import PredictiveValue
from lungwise.settings import DEFAULT_PREVALENCE
from lungwise.studies.answers import Level
from lungwise.studies.headlines import Headlines
from lungwise.studies.numbers import share
from lungwise.studies.wording import own_thresholds_sentence

SOME_REFUSED = 3
"""Exit code where at least one file was refused."""

_COLOURS = {Level.RED: "bold red", Level.AMBER: "yellow", Level.GREEN: "green", Level.GREY: "dim"}

_SERVERS_NUMBERS = (
    "Numbers: for COVID-19 how many of such results turn out to be COVID-19 at the prevalence of the server's clinic, "
    "where that is known, otherwise the calibrated probability."
)

_CSV_FILE = click.File("w", encoding="utf-8", errors="surrogateescape")
"""File names need not be UTF-8."""


class Named(NamedTuple):
    """A file and the name its heat map gets: the path below the folder that was walked."""

    path: Path
    name: Path


class Sink:
    """Takes each file as it is read; `close` ends what was begun."""

    def add(self, named: Named, file: ReadFile) -> None:
        """Take one file."""
        raise NotImplementedError

    def close(self) -> None:
        """End what was begun; by default nothing."""


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line instead of a table.")
@click.option("--heatmaps", type=click.Path(file_okay=False, path_type=Path), help="Write a PNG overlay per film here.")
@click.option("--csv", "table", type=_CSV_FILE, help="Write a table here.")
@click.option(
    "--prevalence",
    type=NumberRange(0, 1),
    show_default="the setting prevalence",
    help="Share of those filmed who have COVID-19: the table says what a result is worth at it. A server says it at "
    "its clinic's.",
)
@click.option(
    "--film-seconds",
    type=NumberRange(1, 600),
    show_default="the setting film_seconds",
    help="Seconds of the processor's time after which reading a film is stopped, and the film refused.",
)
@click.option(
    "--language",
    type=click.Choice(list(LANGUAGES)),
    show_default="the setting language",
    help="Language of results, of what is said of films that were refused, and of warnings.",
)
@click.option(
    "--thresholds",
    "own",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Read by a clinic's own thresholds, as `lungwise thresholds export` writes them.",
)
@click.option("--server", help="Upload each film to this server as a study, and print what it reads.")
@click.option("--token", envvar="LUNGWISE_TOKEN", show_envvar=True, help="Token for the server, with the scope upload.")
@click.pass_context
@one_line_errors
def read(
    ctx: click.Context,
    paths: tuple[Path, ...],
    as_json: bool,
    heatmaps: Path | None,
    table: TextIO | None,
    prevalence: float | None,
    film_seconds: float | None,
    language: str | None,
    own: Path | None,
    server: str | None,
    token: str | None,
) -> None:
    """Read films; folders are walked to their ends.

    What is not given is as the settings say, the model too; an installation is not needed. Exits with 0 when all were
    read, with 3 when some were refused.
    """
    settings = read_settings()
    set_seconds(film_seconds or settings.film_seconds)
    language = language or settings.language
    prevalence = settings.prevalence if prevalence is None else prevalence
    files = list(walk(paths))
    if not files:
        raise click.UsageError("There are no files to read.")
    reader, words = _reader(server, token, own, language), words_of(language)
    sinks: list[Sink] = [JsonLines(reader.model, words) if as_json else VerdictTable(reader.model, prevalence, words)]
    sinks += [Heatmaps(heatmaps)] if heatmaps else []
    sinks += [CsvTable(table, reader.model, words)] if table else []
    refused = _read_all(reader, files, sinks)
    ctx.exit(SOME_REFUSED if refused else 0)


def _reader(server: str | None, token: str | None, own: Path | None, language: str) -> BatchReader:
    """Return the server's reader where one is named, else this machine's."""
    if server is None:
        thresholds = own_thresholds(own, shipped_card()) if own else None
        local = Reader()
        return by_thresholds(BatchReader(local.artefact.card, local.read_many), local.artefact.card, thresholds)
    if own:
        raise click.UsageError("A server reads by the thresholds of its own clinic. Leave out --thresholds.")
    if not token:
        raise click.UsageError("A server asks for a token. Give --token, or set LUNGWISE_TOKEN.")
    from lungwise.cli.remote import RemoteReader

    remote = RemoteReader(server, token, language)
    return BatchReader(remote.model, remote.read_many)


def _read_all(reader: BatchReader, files: list[Named], sinks: list[Sink]) -> int:
    """Read every file into every sink; return how many were refused."""
    refused = 0
    outcomes = reader.read_many(named.path for named in files)
    for named, file in zip(files, counted(outcomes, "reading", len(files)), strict=True):
        refused += file.refusal is not None
        for sink in sinks:
            sink.add(named, file)
    for sink in sinks:
        sink.close()
    return refused


def walk(paths: tuple[Path, ...]) -> Iterator[Named]:
    """List the files to read: each path that is not a folder, and all files below each that is.

    Hidden files and folders are passed over, unless they were named themselves.
    """
    used: set[Path] = set()
    for path in paths:
        for file, name in _below(path) if path.is_dir() else [(path, Path(path.name))]:
            unique = _unique(name, used)
            used.add(unique)
            yield Named(file, unique)


def _below(folder: Path) -> Iterator[tuple[Path, Path]]:
    """Every file below a folder that is not hidden, with its path from the folder's own name on."""
    for at, folders, files in os.walk(folder, onerror=_cannot_walk):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(name for name in files if not name.startswith(".")):
            file = Path(at, name)
            yield file, folder.resolve().name / file.relative_to(folder)


def _cannot_walk(error: OSError) -> None:
    """A folder that cannot be entered is an error: its films would be left out in silence."""
    raise error


def _unique(name: Path, used: set[Path]) -> Path:
    """The name itself, or with a number where two files share it: no heat map may take another's place."""
    numbered = (name.with_name(f"{number}-{name.name}") for number in count(2))
    return next(one for one in chain([name], numbered) if one not in used)


def as_object(file: ReadFile, model: ModelName, words: Words = str) -> dict[str, Any]:
    """One file's outcome in the form that scripts rely on."""
    read, refusal = file.reading, file.refusal
    headline = _headline(read, words) if read else None
    return {
        "path": str(file.path),
        "status": "read" if read else "refused",
        "refusal": {"code": refusal.code, "reason": _sentence(refusal, file, words)} if refusal else None,
        "covid": {"probability": round(read.probability, 4), "verdict": read.verdict} if read else None,
        "findings": {name: round(value, 4) for name, value in read.findings.items()} if read else {},
        "hot_spot": [round(value, 4) for value in read.hot_spot] if read else None,
        "model": {"name": model.name, "version": model.version},
        "milliseconds": round(file.milliseconds, 1),
        "normal": {"probability": round(read.normal.probability, 4), "called": read.normal.called} if read else None,
        "pattern": read.pattern if read else None,
        "extent": rounded(read.extent) if read and read.extent else None,
        "thresholds": read.thresholds.id if read and read.thresholds else None,
        "headline": {"level": headline.level, "text": headline.text} if headline else None,
    }


def rounded(extent: Extent) -> dict[str, float]:
    """An extent with the decimals that mean something."""
    return {name: round(value, 1) for name, value in asdict(extent).items()}


class JsonLines(Sink):
    """One JSON object a line on stdout; warnings are not part of its form, and go to stderr."""

    def __init__(self, model: ModelName, words: Words = str) -> None:
        self._model = model
        self._words = words

    def add(self, named: Named, file: ReadFile) -> None:
        """Print one file."""
        click.echo(json.dumps(as_object(file, self._model, self._words)))
        for code in _warnings(file):
            click.echo(f"{click.format_filename(file.path)}: {warning_sentence(code, self._words)}", err=True)


class VerdictTable(Sink):
    """A table for people on stdout: each film's headline, with the count of each verdict below."""

    def __init__(self, model: ModelName, prevalence: float, words: Words = str) -> None:
        self._model = model
        self._words = words
        self._prevalence = prevalence
        self._headlines = Headlines(words, PredictiveValue(shipped_card(), prevalence))
        self._table = Table(box=None, header_style="dim", pad_edge=False)
        for heading in ("film", "result", "number", "note"):
            self._table.add_column(heading, justify="right" if heading == "number" else "left", overflow="fold")
        self._counts: Counter[str] = Counter()
        self._normal = 0
        self._own: OwnThresholds | None = None
        self._is_by_server = False

    def add(self, named: Named, file: ReadFile) -> None:
        """Add one row."""
        if file.refusal:
            self._row(named, Text("refused", "dim"), "", _sentence(file.refusal, file, self._words))
            self._counts["refused"] += 1
        elif read := file.reading:
            headline = headline_of(read, self._headlines)
            warnings = " ".join(warning_sentence(code, self._words) for code in read.warnings)
            self._row(named, _plain(headline.text, _COLOURS[headline.level]), headline.number, warnings)
            self._counts[read.verdict] += 1
            self._normal += headline.level is Level.GREEN
            self._own = read.thresholds or self._own
            self._is_by_server = isinstance(read, HeadedReading)

    def _row(self, named: Named, result: Text, number: str, note: str) -> None:
        self._table.add_row(_plain(str(named.name)), result, number, _plain(note))

    def close(self) -> None:
        """Print the table, the counts, and what the numbers are."""
        console = Console()
        console.print(self._table)
        console.print(f"\n{self._summary()}")
        numbers = _SERVERS_NUMBERS if self._is_by_server else _numbers(self._model, self._prevalence, self._own)
        console.print(numbers, soft_wrap=True)
        if self._own:
            console.print(own_thresholds_sentence(self._words, self._own), soft_wrap=True)
        console.print("Decision support for research, not a medical device: a doctor decides.", style="dim")

    def _summary(self) -> str:
        """How many films look normal, apart from the verdicts, which are on COVID-19 alone."""
        refused, read = self._counts["refused"], [verdict for verdict in Verdict if self._counts[verdict]]
        verdicts = ", ".join(f"{self._counts[verdict]} {verdict}" for verdict in read)
        films = f"{self._counts.total() - refused} read, {refused} refused. Looks normal: {self._normal}."
        return f"{films} COVID-19: {verdicts}. Uncertain means: refer." if verdicts else films


class Heatmaps(Sink):
    """One PNG per film that was read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, named: Named, file: ReadFile) -> None:
        """Draw one overlay; the film is decoded anew, so that few films are in memory at once."""
        if file.reading:
            target = self._folder / f"{named.name}.png"
            target.parent.mkdir(parents=True, exist_ok=True)
            overlay(open_path(file.path), file.reading).save(target)


class CsvTable(Sink):
    """One line per file, for a spreadsheet; the table is closed by whoever opened it."""

    def __init__(self, table: TextIO, model: ModelName, words: Words = str) -> None:
        self._model = model
        self._words = words
        self._rows = csv.writer(table)
        columns = ["path", "status", "refusal_code", "refusal_reason", "probability", "verdict", *FINDING_NAMES]
        columns += ["hot_spot_x", "hot_spot_y", "model", "version", "milliseconds", "warnings"]
        columns += ["normal_called", "pattern", "level", "headline"]
        self._rows.writerow([*columns, *(f"extent_{name}" for name in _EXTENT), "thresholds"])

    def add(self, named: Named, file: ReadFile) -> None:
        """Write one line."""
        line = as_object(file, self._model, self._words)
        refusal = line["refusal"] or {"code": "", "reason": ""}
        covid = line["covid"] or {"probability": "", "verdict": ""}
        findings = [line["findings"].get(name, "") for name in FINDING_NAMES]
        row = [line["path"], line["status"], refusal["code"], refusal["reason"], covid["probability"], covid["verdict"]]
        spot, model = line["hot_spot"] or ["", ""], line["model"].values()
        row += [*findings, *spot, *model, line["milliseconds"], " ".join(_warnings(file))]
        extent = line["extent"] or dict.fromkeys(_EXTENT, "")
        normal, headline = line["normal"] or {"called": ""}, line["headline"] or {"level": "", "text": ""}
        row += [str(normal["called"]).lower(), line["pattern"] or "", headline["level"], headline["text"]]
        row += [*(extent[name] for name in _EXTENT), line["thresholds"] or ""]
        self._rows.writerow(row)


_EXTENT = tuple(field.name for field in fields(Extent))


def _headline(read: Reading, words: Words) -> FilmHeadline:
    """Return a film's headline where its number is not told, which is all of it that depends on the prevalence."""
    return headline_of(read, Headlines(words, PredictiveValue(shipped_card(), DEFAULT_PREVALENCE)))


def _sentence(refusal: Refusal, file: ReadFile, words: Words) -> str:
    return refusal_sentence(refusal, words, file.path.name)


def _warnings(file: ReadFile) -> tuple[str, ...]:
    return file.reading.warnings if file.reading else ()


def _numbers(model: ModelName, prevalence: float, own: OwnThresholds | None) -> str:
    """What the numbers are; how often the verdicts are right only of this installation's model and its thresholds."""
    value, known = PredictiveValue(shipped_card(), prevalence), not (own and own.of(COVID))
    right = {verdict: value.of(verdict if known else None, model.name, model.version) for verdict in Verdict}
    shares = [f"{share(found)} of the {verdict} verdicts" for verdict, found in right.items() if found is not None]
    if not shares:
        return "Numbers: calibrated probabilities."
    return (
        "Numbers: for COVID-19 how many of such results turn out to be COVID-19, for other findings the calibrated "
        f"probability. Where {share(prevalence)} have COVID-19, {' and '.join(shares)} are right."
    )


def _plain(text: str, style: str = "") -> Text:
    """Text from outside: no markup, and nothing a terminal would obey."""
    return Text("".join(letter if letter.isprintable() else "?" for letter in text), style)
