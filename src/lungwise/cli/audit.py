"""`lungwise audit`: the audit trail from the command line."""

from __future__ import annotations

import click

from lungwise.audit.service import AuditTrail
from lungwise.audit.syslog import SyslogError
from lungwise.cli.bootstrap import make_audit_exporter, open_database
from lungwise.cli.errors import one_line_errors
from lungwise.cli.settings import read_settings
from lungwise.store import utc_now


@click.group()
def audit() -> None:
    """Check the audit trail, and send it to a syslog server."""


@audit.command()
@one_line_errors
def send() -> None:
    """Send now to the syslog server what it does not have yet. `lungwise serve` and the pages do so by themselves."""
    settings = read_settings()
    with open_database(settings) as database:
        exporter = make_audit_exporter(database, settings)
        if exporter is None:
            raise click.ClickException("There is no syslog server. Set LUNGWISE_AUDIT_SYSLOG to host:port.")
        try:
            count = exporter.send_all()
        except SyslogError as error:
            raise click.ClickException(f"{settings.audit_syslog} does not take the audit trail: {error}.") from error
        left = exporter.unsent()
    click.echo(f"{count} entries are sent, {left} wait.")


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
