"""`lungwise keys`: the keys that films and patient data are encrypted with."""

from __future__ import annotations

import json

import click
from sqlalchemy.orm import Session

from lungwise.audit.service import AuditTrail
from lungwise.cli.bootstrap import accounts_over, open_database, operator_of, read_settings
from lungwise.cli.progress import Report, progress
from lungwise.patients.service import Patients
from lungwise.settings import new_key_text
from lungwise.store import Database, FilmStore, utc_now
from lungwise.store.key_record import forget_old_keys
from lungwise.store.rotation import count_stale_rows, reencrypt_films, reencrypt_rows, stale_films
from lungwise.store.secret_key import accept_secret_key, secret_key_file


@click.group()
def keys() -> None:
    """Make keys, and encrypt films and patient data again with them."""


@keys.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def list_keys(as_json: bool) -> None:
    """List the keys, the one that encrypts first, and count what it has not encrypted yet."""
    settings = read_settings()
    with open_database(settings) as database:
        left = _left(database, FilmStore(settings))
        names = database.keys.names
    if as_json:
        click.echo(json.dumps({"keys": names, "left": left}))
        return
    for name, use in zip(names, ["encrypts and decrypts", *["decrypts"] * (len(names) - 1)], strict=True):
        click.echo(f"{name}  {use}")
    _say(left)


@keys.command()
def new() -> None:
    """Make a new key and put it first; where the keys come from a setting, print it for you to put there."""
    settings = read_settings()
    if settings.encryption_keys.get_secret_value():
        click.echo("Put this key behind the others in LUNGWISE_ENCRYPTION_KEYS and restart every process;", err=True)
        click.echo("then put it first, restart them again, and run: lungwise keys rotate", err=True)
        click.echo(new_key_text())
        return
    with open_database(settings) as database:
        name = database.keys.add()
        click.echo(f"The key {name} encrypts from now on. Keep a copy of {database.keys.path} in another place.")
    click.echo("Encrypt what is already stored again with: lungwise keys rotate")


@keys.command()
def rotate() -> None:
    """Encrypt everything again with the first key while the service runs; a killed run resumes where it was."""
    settings = read_settings()
    store = FilmStore(settings)
    with open_database(settings) as database:
        left = _left(database, store)
        with progress() as report:
            _rotate(database, store, left, report)
        left = _left(database, store)
        if not any(left.values()):
            with database.writing() as session:
                forget_old_keys(session)
    _say(left)


@keys.command("accept-secret")
@click.confirmation_option(
    prompt="Second factors are taken away, and everyone signs in again. Has the old secret key been lost?",
    help="Do not ask.",
)
def accept_secret() -> None:
    """Go on with another secret.key after the installation's own was lost; it is made where there is none."""
    settings = read_settings()
    with open_database(settings, any_secret=True) as database, database.writing() as session:
        accept_secret_key(session, settings)
        accounts, reset = accounts_over(session, settings), 0
        for user in accounts.everyone():
            if user.tf_totp_secret or user.mf_recovery_codes:
                accounts.reset_second_factor(operator_of(user.clinic_id), user.key)
                reset += 1
    click.echo(f"{secret_key_file(settings)} is this installation's secret key now. Keep a copy in another place.")
    click.echo(f"{reset} accounts lost their second factor. Restart every process; everyone signs in again.")


def _rotate(database: Database, store: FilmStore, left: dict[str, int], report: Report) -> None:
    with database.writing() as session:
        AuditTrail(session, utc_now).advance_key()
    done = 0
    for count in reencrypt_rows(database):
        done += count
        report("Encrypting rows", done, left["rows"])
    done = 0
    after: int | None = 0
    while after is not None:
        with database.writing() as session:
            count, after = _patients(session).records.reindex(after)
        done += count
        report("Indexing patients", done, left["patients"])
    for done, _film in enumerate(reencrypt_films(database, store), start=1):
        report("Encrypting films", done, left["films"])


def _left(database: Database, store: FilmStore) -> dict[str, int]:
    """Count what the first key has not encrypted or indexed."""
    with database.reading() as session:
        rows, patients = count_stale_rows(session), _patients(session).records.count_stale()
    return {"rows": rows, "patients": patients, "films": sum(1 for _film in stale_films(store))}


def _patients(session: Session) -> Patients:
    return Patients(session, utc_now, AuditTrail(session, utc_now, "command line"))


def _say(left: dict[str, int]) -> None:
    if any(left.values()):
        counts = "{rows} rows, {patients} patients' indexes and {films} films".format(**left)
        click.echo(f"{counts} are not encrypted with the first key. Run: lungwise keys rotate")
    else:
        click.echo("Everything is encrypted with the first key. Backups made before still need the others.")
