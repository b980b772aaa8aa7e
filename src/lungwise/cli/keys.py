"""`lungwise keys`: the keys that films and patient data are encrypted with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import accumulate

import click

from lungwise.cli.bootstrap import open_database, open_services, operator_of, services_over
from lungwise.cli.progress import Report, progress
from lungwise.cli.settings import read_settings
from lungwise.settings import Settings
from lungwise.settings.checks import new_key_text
from lungwise.store import Database, FilmStore
from lungwise.store.key_record import forget_old_keys
from lungwise.store.rotation import count_stale_rows, reencrypt_films, reencrypt_rows, stale_films
from lungwise.store.secret_key import accept_secret_key, is_own_secret_key, secret_key_file
from lungwise.studies.header_index import HeaderIndexer, forget_accessions_of_other_keys

_LOST = "Second factors are taken away, and everyone signs in again. Has the old secret key been lost?"


@click.group()
def keys() -> None:
    """Make keys, and encrypt films and patient data again with them."""


@keys.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def list_keys(as_json: bool) -> None:
    """List the keys, the one that encrypts first, and count what it has not encrypted yet."""
    settings = read_settings()
    with open_database(settings) as database:
        left, names = _count_left(database, settings, FilmStore(settings)), database.keys.names
    if as_json:
        click.echo(json.dumps({"keys": names, "left": left}))
        return
    for name, use in zip(names, ["encrypts and decrypts", *["decrypts"] * (len(names) - 1)], strict=True):
        click.echo(f"{name}  {use}")
    _print_left(left)


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
        with progress() as report:
            _rotate(database, settings, store, report)
        left = _count_left(database, settings, store)
        if not any(left.values()):
            database.transact(forget_old_keys)
    _print_left(left)


@keys.command("accept-secret")
@click.option("--yes", is_flag=True, help="Do not ask.")
def accept_secret(yes: bool) -> None:
    """Accept another secret.key after the installation's own was lost; it is made if it is missing."""
    settings = read_settings()
    key = "LUNGWISE_SECRET_KEY" if settings.secret_key.get_secret_value() else secret_key_file(settings)
    with open_services(writes=False, any_secret=True) as services:
        if is_own_secret_key(services.session, settings):
            click.echo(f"{key} is this installation's own: there is nothing to accept.")
            return
    if not yes:
        click.confirm(_LOST, abort=True)
    with open_services(writes=True, any_secret=True) as services:
        accept_secret_key(services.session, settings)
        users = [user for user in services.accounts.everyone() if user.tf_totp_secret or user.mf_recovery_codes]
        for user in users:
            services.accounts.reset_second_factor(operator_of(user.clinic_id), user.key)
    click.echo(f"{key} is this installation's secret key now. Keep a copy in another place.")
    click.echo(f"{len(users)} accounts lost their second factor. Restart every process; everyone signs in again.")


def _rotate(database: Database, settings: Settings, store: FilmStore, report: Report) -> None:
    left = _count_left(database, settings, store)
    with services_over(database, settings, writes=True) as services:
        services.audit.advance_key()
    for done in accumulate(reencrypt_rows(database)):
        report("Encrypting rows", done, left["rows"])
    for done in accumulate(_reindex_patients(database, settings)):
        report("Indexing patients", done, left["patients"])
    for done in accumulate(_reindex_orders(database, settings)):
        report("Indexing orders", done, left["orders"])
    with database.writing() as session:
        forget_accessions_of_other_keys(session)
    HeaderIndexer(database, store).run()
    for done, _film in enumerate(reencrypt_films(database, store), start=1):
        report("Encrypting films", done, left["films"])


def _reindex_patients(database: Database, settings: Settings) -> Iterator[int]:
    """Index patients again, and yield the size of each batch."""
    after: int | None = 0
    while after is not None:
        with services_over(database, settings, writes=True) as services:
            count, after = services.patients.records.reindex(after)
        yield count


def _reindex_orders(database: Database, settings: Settings) -> Iterator[int]:
    """Index orders again, and yield the size of each batch."""
    after: int | None = 0
    while after is not None:
        with services_over(database, settings, writes=True) as services:
            count, after = services.orders.records.reindex(after)
        yield count


def _count_left(database: Database, settings: Settings, store: FilmStore) -> dict[str, int]:
    """Count what the first key has not encrypted or indexed."""
    with services_over(database, settings, writes=False) as services:
        rows, patients = count_stale_rows(services.session), services.patients.records.count_stale()
        orders = services.orders.records.count_stale()
    films = sum(1 for _film in stale_films(store))
    return {"rows": rows, "patients": patients, "orders": orders, "films": films}


def _print_left(left: dict[str, int]) -> None:
    if any(left.values()):
        counts = "{rows} rows, {patients} patients' indexes, {orders} orders' indexes and {films} films".format(**left)
        click.echo(f"{counts} are not encrypted with the first key. Run: lungwise keys rotate")
    else:
        click.echo("Everything is encrypted with the first key. Backups made before still need the others.")
