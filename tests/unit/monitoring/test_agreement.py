from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from answered import read_again
from lungwise.monitoring.agreement import Agreement, agreements
from lungwise.monitoring.statistics import Share
from lungwise.patients.service import PatientFacts
from lungwise.studies.diagnosis import Diagnosis
from lungwise.studies.service import Conclusion
from lungwise.time_zones import zone_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Services
    from lungwise.access import Person

COVID = Conclusion(conclusion=Diagnosis.COVID_19)


def test_a_line_of_all_doctors_comes_before_those_of_each() -> None:
    lines = [Agreement(doctor=name, model="m 1", share=Share(count=1, total=2)) for name in ("Ada", "")]
    assert sorted(line.doctor for line in lines)[0] == ""


def test_the_weeks_are_those_of_the_zone_that_the_clinic_has_now(
    services: Services, film: Callable[..., bytes]
) -> None:
    ada = services.person()
    services.clock.now = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)  # a Sunday; in Auckland it is Monday already
    key = services.studies.open(ada, PatientFacts(), [("a", film(1, 8))]).key
    services.read_all()
    conclude(services, ada, key)
    assert len(agreements(services.session, ada, date(2026, 2, 23), UTC)) == 2
    assert agreements(services.session, ada, date(2026, 3, 2), UTC) == []
    assert len(agreements(services.session, ada, date(2026, 3, 2), zone_of("Pacific/Auckland"))) == 2
    assert agreements(services.session, ada, date(2026, 3, 2), UTC) == []


def conclude(services: Services, person: Person, key: str) -> None:
    services.clock.forward(minutes=1)
    services.studies.conclude(person, key, COVID)
    services.session.commit()


def test_a_film_that_was_refused_when_it_was_read_again_has_no_verdict(
    services: Services, film: Callable[..., bytes]
) -> None:
    ada = services.person()
    study = services.studies.open(ada, PatientFacts(), [("a", film(1, 8)), ("b", film(2))])
    services.read_all()
    read_again(services, study, "2", None)
    assert study.status == "uncertain"  # as the other film is
    conclude(services, ada, study.key)
    assert agreements(services.session, ada, study.week, UTC) == []
