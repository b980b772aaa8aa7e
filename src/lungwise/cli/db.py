"""`lungwise db`: the database and the films together."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click
from sqlalchemy import inspect
from sqlalchemy.orm import Session

from lungwise.audit.service import AuditTrail
from lungwise.cli.bootstrap import (
    encrypt_films_of_earlier_releases,
    note_recipients_of_earlier_releases,
    open_database,
    operator_of,
    services_over,
)
from lungwise.cli.cleaning import Cleaned, clean_store
from lungwise.cli.options import NumberRange
from lungwise.cli.settings import read_settings
from lungwise.cli.start_errors import said_in_a_sentence
from lungwise.store import FilmStore, check_keys, plain_films, utc_now
from lungwise.store.backup import FilmCheck, back_up, check_films, misplaced_values, note_backup, restore_from
from lungwise.store.cleaning import MAX_PERCENT, Cleaning
from lungwise.store.manifest import BackupError
from lungwise.store.migrations import is_current, upgrade
from lungwise.store.way_back import WentBack, copy_before_upgrade, upgrade_with_copy
from lungwise.store.way_back import go_back as put_back
from lungwise.studies.restored_reports import send_reports_anew

_COME_BACK = (
    "Is the films' disk there? A film comes back when the same file is uploaded, or sent, again; a backup brings all "
    "back into a new, empty installation: lungwise db restore FILE"
)
_NO_COPY = (
    "There is no copy in %s from before an upgrade of the database as it is. Name the copy that you want to go back "
    "to: lungwise db go-back FILE"
)


@click.group()
def db() -> None:
    """Upgrade, check, back up and restore the database and the films."""


@db.command("upgrade")
def upgrade_schema() -> None:
    """Bring the database to this release's schema, and encrypt films that an earlier release kept plain.

    It is noted, too, which systems have reports that an earlier release sent, so that they can be withdrawn. Stop every
    part of Lungwise first. Before anything is changed, a copy of the database is kept in the data folder: see
    `lungwise db go-back`.
    """
    settings = read_settings()
    with said_in_a_sentence(settings), open_database(settings, current=False) as database:
        copy = upgrade_with_copy(database, settings)
        check_keys(database)
        note_recipients_of_earlier_releases(database, settings)
        encrypt_films_of_earlier_releases(database, FilmStore(settings))
    if copy:
        click.echo(f"{copy} holds the database as it was. Go back to it with: lungwise db go-back")
    click.echo("The database has this release's schema.")


@db.command("go-back")
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--yes", is_flag=True, help="Do not ask first.")
def go_back(file: Path | None, yes: bool) -> None:
    """Make the database what it was before the last upgrade, or as the copy FILE says; then install that release.

    Where an upgrade failed, it becomes what it was before the first try. Stop every part of Lungwise first. What was
    entered since is not in it; a copy of the present database is kept too, and going back to that one, by its name,
    brings it back. Films stay where they are. Reports go to the webhook, the FHIR server and the hospital system again.
    """
    settings = read_settings()
    try:
        with said_in_a_sentence(settings), open_database(settings, current=False) as database:
            chosen = file or copy_before_upgrade(database, settings)
            if chosen is None:
                raise click.ClickException(_NO_COPY % settings.data_folder)
            if not yes:
                click.confirm(
                    f"Every part of Lungwise is stopped, and the database shall be what {chosen} says?", abort=True
                )
            done = put_back(database, settings, chosen, send_reports_anew)
            _say_done(done, is_current(database.engine))
            database.transact(lambda session: _note_way_back(session, done.schema))
    except BackupError as error:
        raise click.ClickException(str(error)) from error


def _say_done(done: WentBack, is_of_this_release: bool) -> None:
    click.echo(f"The database has schema {done.schema} again.")
    if done.present:
        click.echo(f"{done.present} holds what it was until now. Bring that back with: lungwise db go-back FILE")
    if not is_of_this_release:
        click.echo("Install the release of that schema before you start Lungwise: this one would upgrade it again.")


def _note_way_back(session: Session, schema: str) -> None:
    """Accept the audit trail's end, which is an earlier one, and note why: in a trail that is keyed, since schema 0011.

    In a transaction of its own: the mark beside the database is written once that is committed.
    """
    if inspect(session.connection()).has_table("audit_keys"):
        AuditTrail(session, utc_now, "command line").accept_end(operator_of(0), schema)


@db.command()
@click.option("--clean", is_flag=True, help="Move files without a row that are older than a day into quarantine.")
@click.option("--purge", is_flag=True, help="Delete what has lain in quarantine for 30 days.")
@click.option(
    "--most",
    "max_percent",
    default=MAX_PERCENT,
    show_default=True,
    type=NumberRange(0, 100),
    help="Percent of all files that --clean may move; more may mean that the database is the wrong one.",
)
@click.option("--json", "as_json", is_flag=True, help="Say it as one JSON object, for programs.")
def check(clean: bool, purge: bool, max_percent: float, as_json: bool) -> None:
    """Check the schema, that every film of the database is in the store, undamaged, and that no other file is."""
    settings = read_settings()
    with said_in_a_sentence(settings), open_database(settings) as database:
        store = FilmStore(settings)
        cleaned = clean_store(Cleaning(database, store, utc_now), max_percent, clean=clean, purge=purge)
        report = check_films(database, store)
        with database.reading() as session:
            misplaced = list(misplaced_values(session))
            plain = plain_films.are_read(session)
    if as_json:
        click.echo(json.dumps(_as_json(report, misplaced, cleaned, plain=plain), indent=2))
        sys.exit(bool(report.missing or report.damaged or misplaced or cleaned.refused))
    _print_report(report, misplaced, cleaned, plain=plain)


def _print_report(report: FilmCheck, misplaced: list[str], cleaned: Cleaned, *, plain: bool) -> None:
    cleaned.print_summary()
    if cleaned.refused:
        raise click.ClickException(cleaned.refused)
    if plain:
        click.echo("Films of an earlier release may lie unencrypted, and are read still. Run: lungwise db upgrade")
    for place in misplaced:
        click.echo(f"{place} was changed or moved: it cannot be decrypted there.", err=True)
    lost = [*report.missing, *report.damaged]
    _name_lost(lost)
    if lost:
        raise click.ClickException(f"Films are missing or damaged. {_COME_BACK}")
    if misplaced:
        raise click.ClickException(
            "What is kept was changed. Restore a backup into a new, empty installation: lungwise db restore FILE"
        )
    click.echo(f"All is well: {report.films} films, each where it belongs.")


def _name_lost(films: list[tuple[str, str]]) -> None:
    for study, film in films:
        click.echo(f"Study {study}: film {film} is missing or damaged.", err=True)


def _as_json(report: FilmCheck, misplaced: list[str], cleaned: Cleaned, *, plain: bool) -> dict[str, object]:
    films = {name: [{"study": study, "film": film} for study, film in found] for name, found in report.wrong.items()}
    return {"films": report.films, **films, "misplaced": misplaced, "plain": plain, **cleaned.as_json}


@db.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def backup(file: Path) -> None:
    """Write the database and its films into one FILE, while the service goes on."""
    if not file.parent.is_dir():
        raise click.ClickException(f"The folder {file.parent} does not exist.")
    settings = read_settings()
    with open_database(settings) as database:
        began = utc_now()
        try:
            written = back_up(database, FilmStore(settings), file)
        except OSError as error:
            raise click.ClickException(f"The backup cannot be written. {error}") from error
        if not written.lost:
            database.transact(lambda session: note_backup(session, began, written.arrival))
    click.echo(f"{written.file} holds the database and {written.films} films, encrypted.")
    click.echo(
        "The keys are not in it. Keep encryption.keys and secret.key too, in another place: nothing opens without."
    )
    _name_lost(written.lost)
    if written.lost:
        raise click.ClickException(f"{written.file} lacks {len(written.lost)} films. {_COME_BACK}")


@db.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def restore(file: Path) -> None:
    """Fill an empty installation from a backup FILE; also from SQLite to MariaDB or back.

    Once Lungwise is started, reports go to the webhook, the FHIR server and the hospital system again, as they are in
    the backup.
    """
    settings = read_settings()
    try:
        with open_database(settings, current=False) as database:
            if not is_current(database.engine):
                upgrade(database.engine)
            with services_over(database, settings, writes=True) as services:
                films = restore_from(services.session, FilmStore(settings), file)
                send_reports_anew(services.session)
                services.audit.accept_end(operator_of(0), "backup")
    except BackupError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"The database and {films} films are restored from {file}.")
    with open_database(settings):
        pass  # opening says so if the secret key was not brought along
