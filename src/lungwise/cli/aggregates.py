"""`lungwise aggregates`: a clinic's weeks in counts, for a health programme."""

from __future__ import annotations

import json

import click

from lungwise.cli.bootstrap import open_services, operator_of
from lungwise.cli.errors import one_line_errors
from lungwise.inputs import MOST_WEEKS
from lungwise.monitoring.aggregates import aggregates_csv
from lungwise.monitoring.dhis2 import data_value_set


@click.command()
@click.option("--clinic", help="Which clinic; may be left out where there is one.")
@click.option(
    "--weeks", type=click.IntRange(1, MOST_WEEKS), default=12, show_default=True, help="The last weeks that are over."
)
@click.option("--value-set", is_flag=True, help="Print a data value set for DHIS2 (JSON) in place of a table (CSV).")
@one_line_errors
def aggregates(clinic: str | None, weeks: int, value_set: bool) -> None:
    """Print a clinic's weeks in counts: films, refusals, positives, tests and their yield. Nothing is of a patient.

    DHIS2 imports what --value-set prints; its identifiers are settings.
    """
    with open_services(writes=False) as services:
        name, number = services.clinic_named(clinic)
        found = services.aggregates.of(operator_of(number), weeks)
        if value_set:
            click.echo(json.dumps(data_value_set(found, name, services.settings), indent=1))
        else:
            click.echo(aggregates_csv(found), nl=False)
