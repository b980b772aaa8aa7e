"""`lungwise tokens`: tokens for programs from the command line."""

from __future__ import annotations

import click

from lungwise.access import Right
from lungwise.accounts.notices import notice
from lungwise.accounts.outbox import MailKind
from lungwise.accounts.tokens import LONGEST_DAYS, Scope, Token
from lungwise.audit.actions import Action, Subject
from lungwise.cli.bootstrap import open_services, operator_of
from lungwise.cli.rows import print_rows
from lungwise.errors import NotFound
from lungwise.languages import words_of


@click.group()
def tokens() -> None:
    """Make, list and revoke tokens for programs."""


@tokens.command()
@click.argument("email")
@click.option("--name", required=True, help="What uses the token.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice([scope.value for scope in Scope]),
    help="What it may do besides seeing; may be given several times.",
)
@click.option("--days", type=click.IntRange(1, LONGEST_DAYS), default=90, show_default=True, help="How long it works.")
@click.option("--machine", is_flag=True, help="Acts under its own name in the administrator's clinic.")
def add(email: str, name: str, scopes: tuple[str, ...], days: int, machine: bool) -> None:
    """Make a token of the account EMAIL, and print it once."""
    with open_services(writes=True) as services:
        user = services.account(email)
        person, operator = user.person, operator_of(user.clinic_id)
        if Scope.DELETE in scopes and not person.may(Right.DELETE):
            raise click.ClickException("Only an administrator's token may delete.")
        try:
            _, text = services.tokens.add(person, name, map(Scope, scopes), days, machine=machine, by=operator)
        except NotFound:
            raise click.ClickException("Only an administrator answers for a machine.") from None
        services.audit.record(operator, Action.MADE_TOKEN, Subject.ACCOUNT, user.key)
        services.outbox.add(MailKind.NOTICE, notice(user, Action.MADE_TOKEN, words_of(services.settings.language)))
    click.echo(text)


@tokens.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each token.")
def list_tokens(as_json: bool) -> None:
    """List every token, without its text."""
    with open_services(writes=False) as services:
        rows = [_row(token) for token in services.tokens.everyone()]
    print_rows(rows, as_json=as_json)


@tokens.command()
@click.argument("key")
def revoke(key: str) -> None:
    """End the token KEY, as `lungwise tokens list` names it."""
    with open_services(writes=True) as services:
        token = services.tokens.by_key(key)
        if token is None:
            raise click.ClickException(f"There is no token {key}. See: lungwise tokens list")
        services.tokens.end(operator_of(token.user.clinic_id), token)
    click.echo(f"The token {key} is revoked.")


def _row(token: Token) -> dict[str, str]:
    return {
        "key": token.key,
        "name": token.name,
        "email": token.user.email if token.user.deleted_at is None else "(deleted account)",
        "kind": "machine" if token.machine else "person",
        "scopes": token.scopes,
        "expires": token.expires_at.isoformat(timespec="seconds"),
        "used": token.used_at.isoformat(timespec="seconds") if token.used_at else "never",
        "state": "revoked" if token.revoked_at else "valid",
    }
