"""`lungwise clinics`: the clinics, and how one moves to another installation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import click
from sqlalchemy.orm import Session

from lungwise.audit.service import AuditTrail
from lungwise.cli.bootstrap import CommandServices, open_database
from lungwise.cli.progress import progress
from lungwise.cli.rows import print_rows
from lungwise.cli.settings import read_settings
from lungwise.moving.arrival import Arrived, ClinicArrival
from lungwise.moving.closing import Closing
from lungwise.moving.export import ClinicExport
from lungwise.moving.package import SHORTEST_PASSPHRASE, MoveError
from lungwise.settings import Settings
from lungwise.store import Database, FilmStore, utc_now
from lungwise.studies.header_index import index_accessions_of_clinic

_json = click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs.")
_passphrase = click.option(
    "--passphrase-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file whose first line is the passphrase. Without it you are asked.",
)


@click.group()
def clinics() -> None:
    """List the clinics, and move one to another installation."""


@clinics.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each clinic.")
def list_clinics(as_json: bool) -> None:
    """List every clinic, and whether it is closed for a move."""
    with _database() as (database, _settings), database.reading() as session:
        standings = _closing(session).standings()
    rows = [
        {"clinic": one.name, "state": "closed for a move" if one.closed else "open", "receipt": one.receipt}
        for one in standings
    ]
    print_rows(rows if as_json else [{**row, "receipt": ""} for row in rows], as_json=as_json)


@clinics.command("export")
@click.argument("clinic")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@_passphrase
@_json
def export_clinic(clinic: str, file: Path, passphrase_file: Path | None, as_json: bool) -> None:
    """Close CLINIC for writing, and write everything of it into one encrypted FILE.

    From then on the clinic can be read here, and nothing entered. Take the file in with `lungwise clinics import` at
    the target, and remove the clinic here with the receipt that it prints; or open it again.
    """
    passphrase = _ask(passphrase_file, confirm=True)
    with _database() as (database, settings), progress() as report:
        exported = ClinicExport(database, FilmStore(settings), settings, utc_now, report).run(clinic, file, passphrase)
    if as_json:
        click.echo(json.dumps({"file": str(file), **asdict(exported)}, ensure_ascii=False))
        return
    rows = sum(exported.rows.values())
    click.echo(f"{file} holds {clinic}: {exported.films} films, {rows} rows, {exported.audit_entries} audit entries.")
    click.echo(f"{clinic} can only be read here now. Take it in at the target with: lungwise clinics import FILE")
    click.echo("Open it here again instead with: lungwise clinics reopen")


@clinics.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_passphrase
@_json
def import_clinic(file: Path, passphrase_file: Path | None, as_json: bool) -> None:
    """Take in the clinic of an exported FILE, all of it or nothing, and print the receipt for the source."""
    passphrase = _ask(passphrase_file)
    with _database() as (database, settings), progress() as report:

        def reindex(session: Session, clinic_id: int) -> None:
            services = CommandServices(session, settings)
            services.patients.records.reindex_clinic(clinic_id)
            services.orders.records.reindex_clinic(clinic_id)
            index_accessions_of_clinic(session, clinic_id)

        arrival = ClinicArrival(database, FilmStore(settings), settings, utc_now, reindex, report)
        arrived = arrival.run(file, passphrase)
    click.echo(json.dumps(asdict(arrived), ensure_ascii=False) if as_json else _sentences(arrived))


@clinics.command()
@click.argument("clinic")
@click.confirmation_option(
    prompt="If the target has taken the clinic in, both would go on apart. Is it not there?", help="Do not ask."
)
@_json
def reopen(clinic: str, as_json: bool) -> None:
    """Open CLINIC for writing again; the packages that were made of it are worth nothing as a receipt any more."""
    with _database() as (database, _settings):
        database.transact(lambda session: _closing(session).reopen(clinic))
    click.echo(json.dumps({"clinic": clinic, "state": "open"}) if as_json else f"{clinic} is open again.")


@clinics.command()
@click.argument("clinic")
@click.option(
    "--receipt", help="What `lungwise clinics import` printed at the target. Not needed for a clinic that is empty."
)
@click.confirmation_option(prompt="All of the clinic is deleted here. Go on?", help="Do not ask.")
@_json
def remove(clinic: str, receipt: str | None, as_json: bool) -> None:
    """Delete CLINIC here after it has moved: patients, films, accounts. Its entries stay in the audit trail.

    Without a receipt it is deleted only if it is empty: no patient, no study, no account.
    """
    with _database() as (database, settings):
        store = FilmStore(settings)
        films = database.transact(lambda session: _closing(session).remove(clinic, receipt, store, settings))
    if as_json:
        click.echo(json.dumps({"clinic": clinic, "state": "removed", "films": films}, ensure_ascii=False))
    else:
        click.echo(f"{clinic} and its {films} films are removed here. The audit trail still holds what was done.")


@contextmanager
def _database() -> Iterator[tuple[Database, Settings]]:
    settings = read_settings()
    try:
        with open_database(settings) as database:
            yield database, settings
    except MoveError as error:
        raise click.ClickException(str(error)) from error


def _closing(session: Session) -> Closing:
    return Closing(session, utc_now, AuditTrail(session, utc_now, "command line"))


def _ask(file: Path | None, *, confirm: bool = False) -> str:
    """Read the passphrase from a file, or ask for it."""
    if file is None:
        passphrase: str = click.prompt("Passphrase", hide_input=True, confirmation_prompt=confirm)
    else:
        lines = file.read_text(encoding="utf-8").splitlines()
        passphrase = lines[0] if lines else ""
    if len(passphrase) < SHORTEST_PASSPHRASE:
        raise click.ClickException(f"The passphrase must have {SHORTEST_PASSPHRASE} letters at least.")
    return passphrase


def _sentences(arrived: Arrived) -> str:
    if arrived.again:
        came = f"{arrived.clinic} came with this package before. Lost films that are put back: {arrived.films}."
    else:
        rows = sum(arrived.rows.values())
        came = (
            f"{arrived.clinic} is here: {arrived.films} films, {rows} rows, {arrived.audit_entries} audit entries. "
            "Everyone signs in with their password and second factor as before."
        )
    return (
        f"{came}\nThe receipt is {arrived.receipt}\n"
        f"Remove the clinic at the source with: lungwise clinics remove CLINIC --receipt {arrived.receipt}"
    )
