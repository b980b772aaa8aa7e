from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from lungwise.clinics.service import ClinicChoices
from lungwise.monitoring.statistics import ClinicStatistics
from lungwise.patients.service import PatientFacts
from lungwise.store import FilmStore
from lungwise.studies.weeks import correct_weeks, week_of
from lungwise.time_zones import zone_of
from lungwise.wiring import Wiring

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Services

AUCKLAND = zone_of("Pacific/Auckland")
SUNDAY = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
"""In Auckland it is Monday already."""


def test_a_week_begins_where_the_clinic_stands() -> None:
    assert week_of(SUNDAY, UTC) == date(2026, 2, 23)
    assert week_of(SUNDAY, AUCKLAND) == date(2026, 3, 2)


def test_a_clinic_that_sets_its_zone_finds_its_studies_in_its_own_weeks(
    either_services: Services, film: Callable[..., bytes]
) -> None:
    services, ada = either_services, either_services.person()
    services.clock.now = SUNDAY
    old = services.studies.open(ada, PatientFacts(), [("a", film(1))])
    assert old.week == date(2026, 2, 23)
    services.session.commit()
    wired = Wiring(services.settings, FilmStore(services.settings), services.clock).over(services.session)
    wired.clinics.change(ada, ClinicChoices(name="Hill", time_zone="Pacific/Auckland"))
    services.session.commit()
    services.session.expire_all()
    assert old.week == date(2026, 3, 2)
    numbers = wired.statistics.count(ada)
    assert (numbers.weeks[-1].begins, numbers.weeks[-1].studies) == (date(2026, 3, 2), 1)
    in_utc = ClinicStatistics(services.session, services.clock, lambda _clinic: 3)
    assert in_utc.count(ada).weeks[-1].begins == date(2026, 2, 23)
    assert correct_weeks(services.session, ada.clinic_id, AUCKLAND, services.clock()) == 0
    new, _unclear = wired.recording.new_study(ada, "0" * 20, PatientFacts())
    services.session.flush()
    assert new.week == date(2026, 3, 2)
