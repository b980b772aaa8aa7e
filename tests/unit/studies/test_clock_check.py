from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from lungwise.patients.service import PatientFacts
from lungwise.studies.clock_check import ClockCheck

if TYPE_CHECKING:
    from conftest import Services


def test_a_clock_more_than_a_day_before_the_last_upload_is_wrong(
    either_services: Services, film: Callable[..., bytes]
) -> None:
    services = either_services
    check = ClockCheck(services.session, services.clock)
    assert check.contradiction() is None
    ada, uploaded = services.person(), services.clock.now
    services.studies.open(ada, PatientFacts(identifier="1"), [("film.jpg", film(1))])
    for hours, is_wrong in ((0, False), (24, False), (-24, False), (-25, True)):
        services.clock.now = uploaded + timedelta(hours=hours)
        assert (check.contradiction() is not None) is is_wrong, hours
    services.studies.open(ada, PatientFacts(identifier="2"), [("film.jpg", film(2))])
    found = check.contradiction()
    assert found is not None  # still, though something was uploaded since
    assert (found.now, found.last_upload) == (services.clock.now, uploaded)
