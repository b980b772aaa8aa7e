"""`lungwise users`: accounts from the command line."""

from __future__ import annotations

import json

import click
from rich.console import Console
from rich.table import Table

from lungwise.accounts.person import PEOPLE, Role
from lungwise.accounts.service import Applicant, User
from lungwise.cli.installation import accounts_over, open_database, read_settings
from lungwise.errors import Rejected


@click.group()
def users() -> None:
    """Add, list and disable accounts."""


@users.command()
@click.argument("email")
@click.option("--name", required=True, help="The person's name.")
@click.option("--clinic", required=True, help="The clinic's name; it is added if there is none of that name.")
@click.option("--role", type=click.Choice([role.value for role in PEOPLE]), default="doctor", show_default=True)
@click.option("--password", prompt=True, hide_input=True, confirmation_prompt=True, help="Asked for if not given.")
def add(email: str, name: str, clinic: str, role: str, password: str) -> None:
    """Add an account that can sign in at once."""
    settings = read_settings()
    try:
        with open_database(settings) as database, database.writing() as session:
            accounts_over(session, settings).add(Applicant(name, email, password), clinic, Role(role))
    except Rejected as no:
        raise click.ClickException(str(no)) from no
    click.echo(f"{email} can sign in as {role} of {clinic}.")


@users.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each account.")
def list_users(as_json: bool) -> None:
    """List every account."""
    settings = read_settings()
    with open_database(settings) as database, database.reading() as session:
        rows = [_row(user) for user in accounts_over(session, settings).everyone()]
    if as_json:
        for row in rows:
            click.echo(json.dumps(row, ensure_ascii=False))
        return
    table = Table(*(rows[0] if rows else ["email"]))
    for row in rows:
        table.add_row(*row.values())
    Console().print(table)


@users.command()
@click.argument("email")
def disable(email: str) -> None:
    """Disable an account and end its sessions."""
    settings = read_settings()
    with open_database(settings) as database, database.writing() as session:
        accounts = accounts_over(session, settings)
        user = accounts.by_email(email)
        if user is None:
            raise click.ClickException(f"There is no account {email}. See: lungwise users list")
        accounts.switch(user, active=False)
    click.echo(f"{email} cannot sign in any more.")


def _row(user: User) -> dict[str, str]:
    state = "waits for approval" if user.waits else "active" if user.active else "disabled"
    return {"email": user.email, "name": user.name, "clinic": user.clinic.name, "role": user.role, "state": state}
