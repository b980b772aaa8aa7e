"""`lungwise audit`: the audit trail from the command line."""

from __future__ import annotations

import click

from lungwise.audit.service import AuditTrail
from lungwise.cli.bootstrap import open_database, read_settings
from lungwise.store import utc_now


@click.group()
def audit() -> None:
    """Check the audit trail."""


@audit.command()
def verify() -> None:
    """Verify the whole signed chain, and say where it breaks."""
    with open_database(read_settings()) as database, database.snapshot() as session:
        trail = AuditTrail(session, utc_now)
        marked, found = trail.is_marked(), trail.verify()
        entries, head = trail.head()
    if entries and not marked:
        click.echo(
            "This machine holds no mark of the trail's end: entries that were cut off would go unseen.", err=True
        )
    if found:
        raise click.ClickException(f"The audit trail breaks at entry {found.entry}: {found.reason}.")
    click.echo(f"The audit trail is whole: {entries} entries. Note its end outside this machine: {head}")
