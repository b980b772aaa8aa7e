"""`lungwise retention`: what a clinic keeps no longer, and its removal in two steps."""

from __future__ import annotations

import json
from pathlib import Path

import click

from lungwise.access import Person
from lungwise.cli.bootstrap import CommandServices, open_services, operator_of
from lungwise.cli.errors import one_line_errors
from lungwise.cli.settings import read_settings
from lungwise.errors import Rejected
from lungwise.reports.study_archive import open_archived
from lungwise.store.keys import Keys
from lungwise.studies.retention import AT_ONCE, OldStudies

_clinic = click.option("--clinic", help="Which clinic; may be left out where there is one.")


@click.group()
def retention() -> None:
    """Show and remove the studies that are older than a clinic keeps them, and open archived ones."""


@retention.command()
@_clinic
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs.")
@one_line_errors
def preview(clinic: str | None, as_json: bool) -> None:
    """Show what would be removed, and what stays although it is old. Nothing is changed.

    The last word printed is the agreement: `lungwise retention remove` takes it, and removes exactly these studies.
    """
    with open_services(writes=False) as services:
        old = services.retention.preview(_operator(services, clinic))
    if as_json:
        click.echo(json.dumps(_as_json(old)))
        return
    if old is None:
        click.echo("This clinic keeps every study.")
        return
    for one in old.due:
        day = one.since.astimezone(old.before.tzinfo)  # the clinic's own, as the day until which studies are due
        click.echo(f"Study {one.key} of {day:%Y-%m-%d}, films: {one.films}")
    for why, count in old.kept_back.items():
        click.echo(f"Kept although they are old ({why}): {count}")
    click.echo(f"Due ({old.mode}): {len(old.due)}. To remove exactly these: lungwise retention remove {old.agreement}")


@retention.command()
@click.argument("agreement")
@_clinic
@one_line_errors
def remove(agreement: str, clinic: str | None) -> None:
    """Remove the studies of a preview, if they are still what is due."""
    count = 0
    with open_services(writes=False) as services:
        person = _operator(services, clinic)
        old = services.retention.preview(person)
    if old is None or old.agreement != agreement:
        raise click.ClickException("What is due has changed since the preview. Look again: lungwise retention preview")
    keys = [one.key for one in old.due]
    for first in range(0, len(keys), AT_ONCE):
        with open_services(writes=True) as services:
            count += services.retention.remove_some(person, keys[first : first + AT_ONCE])
    click.echo(f"{count} studies are removed.")


@retention.command("open")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
@one_line_errors
def open_file(file: Path, out: Path) -> None:
    """Decrypt the archived study FILE into the ZIP file OUT."""
    try:
        data = open_archived(file, Keys(read_settings()))
    except Rejected as error:
        raise click.ClickException(str(error)) from error
    out.write_bytes(data)
    click.echo(f"{out} holds the study, unencrypted: keep it safe, or delete it after use.")


def _operator(services: CommandServices, clinic: str | None) -> Person:
    return operator_of(services.clinic_named(clinic)[1])


def _as_json(old: OldStudies | None) -> dict[str, object]:
    if old is None:
        return {"due": [], "kept_back": {}, "agreement": ""}
    return {
        "mode": old.mode,
        "before": old.before.isoformat(),
        "backup_at": old.backup_at.isoformat() if old.backup_at else None,
        "due": [one.key for one in old.due],
        "kept_back": old.kept_back,
        "agreement": old.agreement,
    }
