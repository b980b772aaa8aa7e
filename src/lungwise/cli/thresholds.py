"""`lungwise thresholds`: the thresholds that clinics made their own."""

from __future__ import annotations

from collections.abc import Iterator

import click

from lungwise.cli.bootstrap import CommandServices, open_services, operator_of
from lungwise.cli.rows import print_rows
from lungwise.clinics.service import Clinic
from lungwise.clinics.thresholds import AS_SHIPPED, SetState
from lungwise.errors import NotFound

_clinic = click.option("--clinic", help="The clinic's name. Not needed if there is only one.")


@click.group()
def thresholds() -> None:
    """List and write the thresholds that clinics made their own, and go back to earlier ones.

    They are proposed and confirmed on the page "Local accuracy", by two people who are signed in.
    """


@thresholds.command()
@_clinic
@click.option("--id", "key", help="Which set, as `lungwise thresholds list` names it; by default the one in force.")
def export(clinic: str | None, key: str | None) -> None:
    """Write a set of thresholds as JSON, for `lungwise read --thresholds`."""
    with open_services(writes=False) as services:
        own = _one_clinic(services, clinic)
        if key:
            chosen = next((one for one in services.thresholds.all(operator_of(own.id)) if one.key == key), None)
            if chosen is None or chosen.state != SetState.APPROVED:
                raise click.ClickException(
                    f"{own.name} has approved no thresholds {key}. See: lungwise thresholds list"
                )
            text = chosen.local.as_json()
        else:
            found = services.thresholds.in_force(own.id)
            if found is None:
                raise click.ClickException(f"{own.name} has no thresholds of its own in force: the model's are.")
            text = found.as_json()
    click.echo(text)


@thresholds.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each set.")
def list_thresholds(as_json: bool) -> None:
    """List every set of thresholds, the newest of each clinic first."""
    with open_services(writes=False) as services:
        rows = [row for clinic in services.clinics.all() for row in _rows(services, clinic)]
    print_rows(rows, as_json=as_json)


@thresholds.command()
@click.argument("key", metavar="ID")
@_clinic
def revert(key: str, clinic: str | None) -> None:
    """Put the set ID in force again, which was approved before; `shipped` stands for the model's thresholds."""
    with open_services(writes=True) as services:
        own = _one_clinic(services, clinic)
        try:
            services.thresholds.go_back(operator_of(own.id), key)
        except NotFound:
            raise click.ClickException(f"{own.name} has no thresholds {key}. See: lungwise thresholds list") from None
    click.echo(f"New films of {own.name} are read by {'the model' if key == AS_SHIPPED else key}.")


def _one_clinic(services: CommandServices, name: str | None) -> Clinic:
    found = [one for one in services.clinics.all() if name in (None, one.name)]
    if len(found) != 1:
        raise click.ClickException("Name the clinic as it is written in: lungwise users list")
    return found[0]


def _rows(services: CommandServices, clinic: Clinic) -> Iterator[dict[str, str]]:
    in_force = services.thresholds.in_force(clinic.id)
    for one in services.thresholds.all(operator_of(clinic.id)):
        state = "in force" if in_force and one.key == in_force.id else str(one.state)
        yield {
            "id": one.key,
            "clinic": clinic.name,
            "finding": one.finding,
            "state": "void" if services.thresholds.is_void(one) else state,
            "by": ", ".join(dict.fromkeys(filter(None, (one.proposer_name, one.decider_name)))),
            "at": (one.decided_at or one.proposed_at).isoformat(timespec="seconds"),
        }
