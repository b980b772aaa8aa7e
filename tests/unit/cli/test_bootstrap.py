from __future__ import annotations

import json
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from commands import ADA, Run
from lungwise.cli import bootstrap
from lungwise.settings.destinations import Destinations
from lungwise.store import Database

if TYPE_CHECKING:
    from conftest import Services


def test_without_a_schema_a_command_says_what_to_do(run: type[Run]) -> None:
    assert "lungwise db upgrade" in run("users", "list").no()


def test_accounts_are_added_listed_and_disabled(run: type[Run]) -> None:
    run("db", "upgrade").ok()
    run(*ADA).ok()
    assert "already has an account" in run(*ADA).no()
    assert "too short" in run(*ADA[:2], "bob@example.org", *ADA[3:-1], "short").no()
    assert json.loads(run("users", "list", "--json").ok())["state"] == "active"
    run("users", "disable", "ada@example.org").ok()
    assert "disabled" in run("users", "list").ok()
    assert "no account" in run("users", "disable", "eve@example.org").no()


def test_a_page_that_has_its_answer_waits_less_than_a_millisecond_for_its_turn() -> None:
    """A page asks a dozen times, and waited five milliseconds after each answer."""
    before = sys.getswitchinterval()
    try:
        bootstrap.take_turns()
        assert sys.getswitchinterval() < 0.001
    finally:
        sys.setswitchinterval(before)


def test_a_clinic_that_is_named_wrongly_among_the_destinations_is_said(
    either_services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    services = either_services
    services.person()
    services.session.commit()
    own = {name: Destinations(send_to="PACS@10.0.0.1:104") for name in ("Hill", "Hil")}
    settings = services.settings.model_copy(update={"clinic_destinations": own})
    with closing(Database(settings)) as database:
        bootstrap.warn_of_unknown_clinics(database, settings)
    assert [one.getMessage() for one in caplog.records if "clinic_destinations" in one.getMessage()] == [
        "clinic_destinations names Hil, and there is no such clinic. See: lungwise clinics list"
    ]
