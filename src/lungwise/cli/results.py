"""`lungwise results`: test results from a CSV table, as the page takes them."""

from __future__ import annotations

from pathlib import Path

import click

from lungwise.access import Right
from lungwise.cli.bootstrap import CommandServices, open_services
from lungwise.cli.read import SOME_REFUSED
from lungwise.studies.result_import import FoundRow, ResultImport


@click.command()
@click.argument("table", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--by", "email", required=True, help="E-mail address of who enters them: a doctor or an administrator.")
@click.option("--only-good", is_flag=True, help="Keep the good rows although others cannot be kept.")
@click.option("--keep", is_flag=True, help="Keep the results; without it, the rows are only shown.")
@click.pass_context
def results(ctx: click.Context, table: Path, email: str, only_good: bool, keep: bool) -> None:
    """Show which study each row of a table of test results is of, or what is wrong with it, and keep them with --keep.

    Nothing is kept unless all rows can be, or --only-good is given. The columns are those of the page. Exits with 3
    where a row cannot be kept.
    """
    with open_services(writes=keep) as services:
        account = services.account(email)
        person, data = account.person, table.read_bytes()
        if not (account.active and person.may(Right.CONCLUDE)):
            raise click.ClickException(f"{email} may not enter test results.")
        taking = _import_for(services, person.clinic_id)
        rows = taking.preview(person, data)
        for row in rows:
            click.echo(_said(row))
        wrong = sum(1 for row in rows if row.rejected)
        if keep and wrong and not only_good:
            raise click.ClickException(
                f"Nothing was kept. Correct the table, or add --only-good. {_count(wrong, rows)}"
            )
        kept = taking.keep(person, data, only_good=only_good) if keep else 0
    if keep or wrong == len(rows):
        click.echo(f"{kept} kept.")
    else:
        click.echo(f"Nothing is kept yet: give --keep{' and --only-good' if wrong else ''}.")
    if wrong:
        click.echo(_count(wrong, rows), err=True)
        ctx.exit(SOME_REFUSED)


def _count(wrong: int, rows: list[FoundRow]) -> str:
    return f"{wrong} of {len(rows)} rows cannot be kept."


def _import_for(services: CommandServices, clinic_id: int) -> ResultImport:
    chosen, known_by = services.clinics.settings_of(clinic_id), services.patients.known_by
    studies, results = services.studies, services.reference_results
    return ResultImport(services.session, studies, results, known_by, chosen.result_days, chosen.zone)


def _said(row: FoundRow) -> str:
    if row.rejected:
        return f"line {row.row.line}: {row.rejected}"
    entered, study = row.row.entered, row.study
    said = f"{entered.kind}, {entered.result}, {entered.tested_on}" if entered else ""
    return f"line {row.row.line}: study {study.key if study else ''}, {said}"
