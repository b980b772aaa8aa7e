from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import update

import synthetic
from lungwise.access import Role
from lungwise.clinics.service import ClinicChoices
from lungwise.errors import NotFound
from lungwise.jobs.reading_queue import Model
from lungwise.monitoring.agreement import agreements
from lungwise.monitoring.answer_table import answers_of
from lungwise.monitoring.steadiness import MOST_DEVICES, ClinicSteadiness, Steadiness
from lungwise.monitoring.weeks import last_weeks
from lungwise.patients.service import PatientFacts
from lungwise.store import FilmStore
from lungwise.studies.diagnosis import Diagnosis
from lungwise.studies.models import FilmRecord, ReadingRecord
from lungwise.studies.service import Conclusion
from lungwise.wiring import Wiring

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Services
    from lungwise.access import Person

MODEL = Model(name="synthetic", version="1")


def steady(services: Services, person: Person) -> Steadiness:
    services.session.commit()
    return ClinicSteadiness(services.session, services.clock).of(person, MODEL)


def test_refusals_are_counted_by_device_and_code(either_services: Services, blank: bytes) -> None:
    services, ada = either_services, either_services.person()
    synthetic.fill(services.session, ada, 60, services.clock(), to_a_patient=1)
    synthetic.read(services.session, ada, MODEL)
    since = last_weeks(services.clock().date())[0]
    table = answers_of(services.session, ada.clinic_id, MODEL, since, UTC)
    assert 0 < len(table.study) < 60  # the others are older
    assert steady(services, ada).devices[0].share.total == len(table.study)
    film = services.studies.open(ada, PatientFacts(), [("a", blank)]).films[0]
    services.read_all()
    assert film.reading is not None and film.reading.refusal_code
    services.session.execute(update(FilmRecord).where(FilmRecord.id == film.id).values(device="Acme 1"))
    found = steady(services, ada)
    assert found.codes == [film.reading.refusal_code]
    (acme,) = (one for one in found.devices if one.share.count)
    assert (acme.share.count, acme.by_code) == (1, {film.reading.refusal_code: 1})
    services.studies.delete(ada, film.study.key)
    assert steady(services, ada).codes == []


def test_rare_devices_are_summed_up(services: Services) -> None:
    ada = services.person()
    synthetic.fill(services.session, ada, 60, services.clock(), to_a_patient=1)
    synthetic.read(services.session, ada, MODEL)
    for film in services.session.query(FilmRecord):
        film.device = f"Acme {film.id}"
    devices = steady(services, ada).devices
    assert len(devices) == MOST_DEVICES + 1
    assert devices[-1].device is None
    assert devices[-1].share.total > 1


def test_an_opinion_is_compared_with_the_verdict_of_its_time(
    either_services: Services, film: Callable[..., bytes]
) -> None:
    services, ada = either_services, either_services.person()
    since = last_weeks(services.clock().date())[0]
    study = services.studies.open(ada, PatientFacts(), [("a", film(1, 8))])
    services.read_all()
    assert study.status == "positive"
    services.clock.forward(minutes=1)
    services.studies.conclude(ada, study.key, Conclusion(agrees=True))
    services.session.commit()
    everybody, own = agreements(services.session, ada, since, UTC)
    assert (everybody.doctor, own.doctor, own.model) == ("", "Ada", "synthetic 1")
    assert (own.share.count, own.share.total) == (1, 1)
    services.clock.forward(minutes=1)
    later = ReadingRecord(film_id=study.films[0].id, model="synthetic", version="2", created_at=services.clock())
    later.probability, later.verdict, later.appearance, later.findings = 0.1, "negative", {}, {}
    services.session.add(later)
    services.session.commit()
    assert agreements(services.session, ada, since, UTC) == [everybody, own]
    services.clock.forward(minutes=1)
    services.studies.conclude(ada, study.key, Conclusion(conclusion=Diagnosis.COVID_19))
    services.session.commit()
    found = {(one.doctor, one.model): one.share for one in agreements(services.session, ada, since, UTC)}
    assert (found["Ada", "synthetic 2"].count, found["Ada", "synthetic 2"].total) == (0, 1)
    assert agreements(services.session, ada, since + timedelta(weeks=30), UTC) == []


def test_an_opinion_is_compared_with_the_gravest_verdict_of_the_films(
    services: Services, film: Callable[..., bytes]
) -> None:
    ada = services.person()
    study = services.studies.open(ada, PatientFacts(), [("a", film(1)), ("b", film(2))])
    services.read_all()
    for one, verdict, probability in zip(study.films, ("negative", "positive"), (0.28, 0.2), strict=True):
        assert one.reading is not None
        one.reading.verdict, one.reading.probability = verdict, probability  # each by thresholds of its own
    services.clock.forward(minutes=1)
    services.studies.conclude(ada, study.key, Conclusion(conclusion=Diagnosis.COVID_19))
    services.session.commit()
    own = agreements(services.session, ada, last_weeks(services.clock().date())[0], UTC)[1]
    assert (own.doctor, own.share.count, own.share.total) == ("Ada", 1, 1)


def test_a_clinic_that_sets_its_zone_finds_its_answers_in_its_own_weeks(
    either_services: Services, film: Callable[..., bytes]
) -> None:
    services, ada = either_services, either_services.person()
    services.clock.now = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)  # a Sunday; in Auckland it is Monday already
    key = services.studies.open(ada, PatientFacts(), [("a", film(1, 8))]).key
    services.read_all()
    services.clock.forward(minutes=1)
    services.studies.conclude(ada, key, Conclusion(agrees=True))
    services.session.commit()
    services.clock.forward(days=176)  # that Monday began the first of the last 26 weeks
    wired = Wiring(services.settings, FilmStore(services.settings), services.clock).over(services.session)
    before = wired.steadiness.of(ada, MODEL)
    assert (before.devices, before.agreements) == ([], [])
    wired.clinics.change(ada, ClinicChoices(name="Hill", time_zone="Pacific/Auckland"))
    services.session.commit()
    after = wired.steadiness.of(ada, MODEL)
    assert (len(after.devices), len(after.agreements)) == (1, 2)


def test_only_an_administrator_sees_it(services: Services) -> None:
    dora = services.person("Dora", role=Role.DOCTOR)
    with pytest.raises(NotFound):
        ClinicSteadiness(services.session, services.clock).of(dora, None)
    with pytest.raises(NotFound):
        agreements(services.session, dora, services.clock().date(), UTC)
