from __future__ import annotations

import threading
from typing import TYPE_CHECKING
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from lungwise.access import Person, Role
from lungwise.audit.service import AuditTrail
from lungwise.clinics.models import Clinic
from lungwise.patients.name_index import index_of, words_of
from lungwise.patients.service import PatientFacts, Patients
from lungwise.store import Database, utc_now

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

    from conftest import Services
    from lungwise.settings import Settings


def test_a_search_sees_what_other_processes_changed(either: Settings, migrate: Callable[[Settings], None]) -> None:
    migrate(either)
    here, there = Database(either), Database(either)
    with there.writing() as session:
        ada = Person(None, "Ada", add_clinic(session), Role.DOCTOR)
    with here.reading() as session:
        assert patients_over(session).search.page(ada, "bela") == []
    with there.writing() as session:
        key = patients_over(session).match_or_add(ada, PatientFacts(identifier="7", name="Béla Bartók")).patient.key
    with here.reading() as session:
        assert len(patients_over(session).search.page(ada, "bart")) == 1
    with there.writing() as session:
        patients_over(session).change(ada, key, PatientFacts(identifier="7", name="Béla Kodály"))
    with here.reading() as session:
        assert (
            patients_over(session).search.page(ada, "bart"),
            len(patients_over(session).search.page(ada, "kod")),
        ) == ([], 1)
    with there.writing() as session:
        patients_over(session).remove(ada, patients_over(session).get(ada, key))
    with here.reading() as session:
        assert patients_over(session).search.page(ada, "kod") == []
    here.close()
    there.close()


def patients_over(session: Session) -> Patients:
    return Patients(session, utc_now, AuditTrail(session, utc_now))


def add_clinic(session: Session) -> int:
    clinic = Clinic(name="Hill", created_at=utc_now())
    session.add(clinic)
    session.flush()
    return clinic.id


def test_names_whose_reading_was_interrupted_are_all_found_nevertheless(services: Services) -> None:
    person = services.person()
    for number in range(3):
        services.patients.match_or_add(person, PatientFacts(identifier=f"H-{number}", name="Béla Bartók"))
    stopping = threading.Event()
    stopping.set()
    with patch("lungwise.patients.name_index._AT_ONCE", 1):
        index_of(services.session).warm(services.session, person.clinic_id, stopping)
    assert len(services.patients.search.page(person, "bart")) == 3


@given(st.text(max_size=300))
def test_words_hold_no_separators(text: str) -> None:
    assert all(word and " " not in word for word in words_of(text))
