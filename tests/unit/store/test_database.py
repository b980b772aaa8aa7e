from __future__ import annotations

from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from lungwise.patients.service import PatientFacts
from lungwise.store import Database
from lungwise.studies.models import Study
from lungwise.time_zones import zone_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Services
    from lungwise.settings import Settings


def test_an_errors_text_names_no_patient(either: Settings) -> None:
    with (
        closing(Database(either)) as database,
        database.reading() as session,
        pytest.raises(DBAPIError) as fault,
    ):
        session.execute(text("SELECT name FROM nowhere WHERE name = :name"), {"name": "Bartók"})
    assert "Bartók" not in str(fault.value)


def test_a_database_on_this_machine_is_spoken_to_without_reading_whom_the_machine_trusts(
    mariadb_url: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_authorities(*_given: object, **_named: object) -> None:
        raise AssertionError("for each connection anew")

    monkeypatch.setattr("ssl.create_default_context", read_authorities)
    with (
        closing(Database(settings.model_copy(update={"database_url": mariadb_url}))) as database,
        database.reading() as session,
    ):
        assert session.scalar(text("SELECT 1")) == 1


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "America/Bogota"])
def test_the_first_and_the_last_moment_of_all_are_moments_in_every_zone(
    either_services: Services, film: Callable[..., bytes], zone: str
) -> None:
    study = either_services.studies.open(either_services.person(), PatientFacts(), [("a", film(1))])
    first, last = (moment.replace(tzinfo=zone_of(zone)) for moment in (datetime.min, datetime.max))
    found = select(Study.id).where(Study.taken_at >= first, Study.taken_at <= last)
    assert either_services.session.scalars(found).all() == [study.id]
