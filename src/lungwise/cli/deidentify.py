"""`lungwise deidentify`: films in, films without their patients out."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path

import click

from lungwise.cli.bootstrap import open_database
from lungwise.cli.errors import one_line_errors
from lungwise.cli.read import SOME_REFUSED, walk
from lungwise.cli.settings import read_settings
from lungwise.films import Refusal
from lungwise.films.decode import bytes_of
from lungwise.films.refusals import refusal_sentence
from lungwise.store.secret_key import signing_key


@click.command()
@click.argument("source", metavar="IN", type=click.Path(exists=True, path_type=Path))
@click.argument("target", metavar="OUT", type=click.Path(file_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@click.pass_context
@one_line_errors
def deidentify(ctx: click.Context, source: Path, target: Path, as_json: bool) -> None:
    """Write the DICOM films of IN, a file or a folder, to the folder OUT without their patients.

    By the Basic Profile of DICOM PS3.15: names, numbers, dates, comments and private elements go, UIDs are
    replaced. The installation's secret key decides the new UIDs, so that films of one study stay together.

    Text in the picture is not looked for: look at each film before you give it away.

    Exits with 0 when all were written, with 3 when some were refused.
    """
    films = list(walk((source,)))
    if not films:
        raise click.UsageError("There are no files to deidentify.")
    settings = read_settings()
    if settings.database_url or (settings.data_folder / "lungwise.sqlite").exists():
        with open_database(settings):
            pass  # it says where this installation's secret key is lost
    secret = signing_key(settings)
    target.mkdir(parents=True, exist_ok=True)
    refused = [named.path for named in films if not _one(named.path, target, secret, as_json)]
    if not as_json:
        click.echo("Text in the picture is not looked for: look at each film before you give it away.", err=True)
    ctx.exit(SOME_REFUSED if refused else 0)


def _one(path: Path, target: Path, secret: str, as_json: bool) -> bool:
    from lungwise.dicom.deidentify import deidentify as deidentified

    try:
        film = deidentified(bytes_of(path), secret)
    except Refusal as refusal:
        _say(as_json, path, None, refusal_sentence(refusal, str, path.name))
        return False
    _say(as_json, path, _write(target / film.name, film.data), film.warning)
    return True


def _write(path: Path, data: bytes) -> Path:
    """Write a film under its name, or another number of it where another film has that: two may share a UID."""
    for number in count(1):
        target = path if number == 1 else path.with_name(f"{path.stem}-{number}{path.suffix}")
        try:
            with target.open("xb") as file:
                file.write(data)
        except FileExistsError:
            if target.read_bytes() != data:
                continue
        return target
    raise AssertionError  # the numbers do not end


def _say(as_json: bool, path: Path, written: Path | None, note: str) -> None:
    if as_json:
        status = "written" if written else "refused"
        click.echo(json.dumps({"path": str(path), "status": status, "written": written and str(written), "note": note}))
    elif written:
        click.echo(f"{path}: {written.name}. {note}")
    else:
        click.echo(f"{path}: not written. {note}", err=True)
