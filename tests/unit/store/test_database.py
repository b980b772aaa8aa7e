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


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "America/Bogota"])
def test_the_first_and_the_last_moment_of_all_are_moments_in_every_zone(
    either_services: Services, film: Callable[..., bytes], zone: str
) -> None:
    study = either_services.studies.open(either_services.person(), PatientFacts(), [("a", film(1))])
    first, last = (moment.replace(tzinfo=zone_of(zone)) for moment in (datetime.min, datetime.max))
    found = select(Study.id).where(Study.taken_at >= first, Study.taken_at <= last)
    assert either_services.session.scalars(found).all() == [study.id]
