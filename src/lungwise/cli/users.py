"""`lungwise users`: accounts from the command line."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click
from pydantic import TypeAdapter, ValidationError

from lungwise.access import PEOPLE, Person, Role
from lungwise.accounts.links import invitation_path
from lungwise.accounts.service import Accounts, Applicant, User
from lungwise.cli.bootstrap import open_database, open_services, operator_of, services_over
from lungwise.cli.rows import print_rows
from lungwise.cli.settings import read_settings
from lungwise.settings.checks import PublicUrl

_json = click.option("--json", "as_json", is_flag=True, help="One JSON object.")


def _public_url(_ctx: click.Context, _param: click.Parameter, given: str) -> str:
    try:
        return TypeAdapter(PublicUrl).validate_python(given)
    except ValidationError as error:
        raise click.BadParameter(error.errors()[0]["msg"].removeprefix("Value error, ")) from error


_url = click.option(
    "--url", default="", callback=_public_url, help="What the link begins with; by default the setting `public_url`."
)


@click.group()
def users() -> None:
    """Add, list, change and delete accounts, and make links that open them."""


@users.command()
@click.argument("email")
@click.option("--name", required=True, help="The person's name.")
@click.option("--clinic", required=True, help="The clinic's name; it is added if there is none of that name.")
@click.option("--role", type=click.Choice([role.value for role in PEOPLE]), default="doctor", show_default=True)
@click.option("--password", prompt=True, hide_input=True, confirmation_prompt=True, help="Asked for if not given.")
@click.option("--yes", is_flag=True, help="Do not ask before another clinic is made.")
@_json
def add(email: str, name: str, clinic: str, role: str, password: str, yes: bool, as_json: bool) -> None:
    """Add an account that can sign in at once."""
    settings = read_settings()
    with open_database(settings) as database:
        with services_over(database, settings, writes=False) as services:
            is_new = services.clinics.find(clinic) is None
            known = [one.name for one in services.clinics.all()]
        if is_new and known and not yes and sys.stdin.isatty():
            click.confirm(f"There is no clinic {clinic.strip()}, but: {', '.join(known)}. Make it?", abort=True)
        with services_over(database, settings, writes=True) as services:
            clinic = services.accounts.add(Applicant(name, email, password), clinic, Role(role)).clinic.name
    if is_new and not as_json:
        click.echo(f"A new clinic was made: {clinic}.")
    _say(
        f"{email} can sign in as {role} of {clinic}.", as_json, email=email, role=role, clinic=clinic, new_clinic=is_new
    )


@users.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each account.")
def list_users(as_json: bool) -> None:
    """List every account."""
    with open_services(writes=False) as services:
        rows = [_row(user) for user in services.accounts.everyone()]
    print_rows(rows, as_json=as_json)


@users.command()
@click.argument("email")
@_json
def disable(email: str, as_json: bool) -> None:
    """Disable an account and end its sessions."""
    with _account(email) as (accounts, operator, user):
        accounts.set_active(operator, user.key, active=False)
    _say(f"{email} cannot sign in any more.", as_json, email=email, state="disabled")


@users.command()
@click.argument("email")
@_json
def enable(email: str, as_json: bool) -> None:
    """Let an account sign in that is disabled or waits for approval."""
    with _account(email) as (accounts, operator, user):
        if user.waits:
            accounts.approve(operator, user.key)
        else:
            accounts.set_active(operator, user.key, active=True)
    _say(f"{email} can sign in.", as_json, email=email, state="active")


@users.command("set-role")
@click.argument("email")
@click.argument("role", type=click.Choice([role.value for role in PEOPLE]))
@_json
def set_role(email: str, role: str, as_json: bool) -> None:
    """Change an account's role."""
    with _account(email) as (accounts, operator, user):
        accounts.change_role(operator, user.key, Role(role))
    _say(f"{email} is {role} now.", as_json, email=email, role=role)


@users.command("reset-second-factor")
@click.argument("email")
@_json
def reset_second_factor(email: str, as_json: bool) -> None:
    """Take away an account's second factor and end its sessions, so that its owner sets up a new one."""
    with _account(email) as (accounts, operator, user):
        accounts.reset_second_factor(operator, user.key)
    _say(f"{email} has no second factor any more.", as_json, email=email, second_factor=False)


@users.command("link-oidc")
@click.argument("email")
@click.argument("subject")
@_json
def link_oidc(email: str, subject: str, as_json: bool) -> None:
    """Let whom the identity provider calls SUBJECT (its claim `sub`) sign in to an account."""
    with open_services(writes=True) as services:
        user = services.account(email)
        services.provided_accounts.link_subject(user, subject, operator_of(user.clinic_id))
    _say(f"{email} signs in with the identity provider.", as_json, email=email, linked=True)


@users.command("unlink-oidc")
@click.argument("email")
@_json
def unlink_oidc(email: str, as_json: bool) -> None:
    """Part an account from the identity provider, and end its sessions; reset-link then gives it a password."""
    with open_services(writes=True) as services:
        user = services.account(email)
        services.provided_accounts.unlink(user, operator_of(user.clinic_id))
    _say(f"{email} is not linked with the identity provider any more.", as_json, email=email, linked=False)


@users.command()
@click.argument("email")
@click.confirmation_option(prompt="The account cannot be brought back. Delete it?", help="Do not ask.")
@_json
def delete(email: str, as_json: bool) -> None:
    """Delete an account: the person's data, sign-in and tokens go, and what they signed stays."""
    with _account(email) as (accounts, operator, user):
        accounts.delete(operator, user.key)
    _say(f"{email} has no account any more.", as_json, email=email, state="deleted")


@users.command("reset-link")
@click.argument("email")
@_url
@_json
def reset_link(email: str, url: str, as_json: bool) -> None:
    """Print a link with which an account's owner chooses a new password, once, within two hours."""
    with _account(email) as (accounts, operator, user):
        path = accounts.recovery_link(operator, user.key)
    _print_link(email, path, url, as_json)


@users.command()
@click.argument("email")
@click.option("--clinic", help="The clinic's name. Not needed if there is only one.")
@click.option("--role", type=click.Choice([role.value for role in PEOPLE]), default="doctor", show_default=True)
@_url
@_json
def invite(email: str, clinic: str | None, role: str, url: str, as_json: bool) -> None:
    """Print a link with which somebody opens an account, once, within a week."""
    with open_services(writes=True) as services:
        found = [one for one in services.accounts.clinics() if clinic in (None, one.name)]
        if len(found) != 1:
            raise click.ClickException("Name the clinic as it is written in: lungwise users list")
        token = services.accounts.invitations.add(operator_of(found[0].id), email, Role(role))
    _print_link(email, invitation_path(token), url, as_json)


@contextmanager
def _account(email: str) -> Iterator[tuple[Accounts, Person, User]]:
    """Yield the service, the person who acts, and the account."""
    with open_services(writes=True) as services:
        user = services.account(email)
        yield services.accounts, operator_of(user.clinic_id), user


def _say(sentence: str, as_json: bool, **facts: str | bool) -> None:
    click.echo(json.dumps(facts, ensure_ascii=False) if as_json else sentence)


def _print_link(email: str, path: str, url: str, as_json: bool) -> None:
    base = url or read_settings().public_url
    _say(base + path, as_json, email=email, link=base + path)
    if not base:
        click.echo(
            "Put before it the address at which Lungwise is opened, as http://192.168.1.5:8000, or name it with --url.",
            err=True,
        )


def _row(user: User) -> dict[str, str]:
    state = "waits for approval" if user.waits else "active" if user.active else "disabled"
    return {"email": user.email, "name": user.name, "clinic": user.clinic.name, "role": user.role, "state": state}
