from __future__ import annotations

from typing import TYPE_CHECKING

from lungwise.audit.service import AuditTrail
from lungwise.patients.name_index import index_of
from lungwise.patients.service import PatientFacts, Patients
from lungwise.patients.warming import NameReader
from lungwise.store import Database, utc_now

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from conftest import Services


def patients_over(session: Session) -> Patients:
    return Patients(session, utc_now, AuditTrail(session, utc_now))


def test_names_are_read_before_somebody_searches(either_services: Services) -> None:
    services, person = either_services, either_services.person()
    services.patients.match_or_add(person, PatientFacts(identifier="7", name="Béla Bartók"))
    services.session.commit()
    database = Database(services.settings)
    NameReader(database).run()
    with database.reading() as session:
        assert len(index_of(session)._clinic(person.clinic_id).lines) == 1
        assert [patient.identifier for patient in patients_over(session).search.page(person, "bart")] == ["7"]
    database.close()
