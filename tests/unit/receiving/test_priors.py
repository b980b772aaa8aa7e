"""Which earlier films are kept: those of a patient who was asked for, named beyond doubt."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from dicom_files import dicom_file
from lungwise.access import Person, Role
from lungwise.jobs.prior_fetches import PriorFetches
from lungwise.patients.service import Patient, PatientFacts
from lungwise.receiving.priors import PriorLimits, PriorReceiver
from lungwise.receiving.receiver import Kept
from lungwise.receiving.uploads import read_instance
from lungwise.store import Database
from lungwise.wiring import Wiring
from synthetic_films import chest_bytes

if TYPE_CHECKING:
    from conftest import Services

ASHA = PatientFacts(identifier="P1", name="Rao Asha", issuer="HILL")
Receive = Callable[..., Kept]


@pytest.fixture
def receive(services: Services) -> Iterator[Receive]:
    """Receive an earlier film whose header states some values."""
    database = Database(services.settings)
    wiring = Wiring(services.settings, services.store, services.clock)
    node = Person(None, "LUNGWISE", services.person("Node").clinic_id, Role.NODE)
    receiver = PriorReceiver(wiring.receive(database), node, PriorLimits.of(services.settings))
    day = f"{services.clock() - timedelta(days=30):%Y%m%d}"

    def receive(**stated: Any) -> Kept:
        services.session.commit()
        header = {"StudyInstanceUID": "1.2.1", "StudyDate": day, "BodyPartExamined": "CHEST PA", **stated}
        return receiver.accept(read_instance(dicom_file(chest_bytes(seed=5), **header), "ARCHIVE"), "127.0.0.1")

    yield receive
    database.close()


def asked_for(services: Services, *known: PatientFacts) -> list[Patient]:
    person = services.person()
    patients = [services.patients.match_or_add(person, facts).patient for facts in known]
    for patient in patients:
        PriorFetches(services.session, services.clock).queue(patient.id)
    return patients


def test_a_film_of_a_patient_who_was_asked_for_is_kept_once(services: Services, receive: Receive) -> None:
    asked_for(services, ASHA)
    stated = {"PatientID": "P1", "IssuerOfPatientID": "HILL", "SOPInstanceUID": "1.2.1.1.1"}
    assert receive(**stated, BodyPartExamined="HAND") == Kept.NOT_ASKED_FOR
    assert [receive(**stated) for _ in range(2)] == [Kept.PRIOR, Kept.NOT_ASKED_FOR]


@pytest.mark.parametrize("issuer", [{}, {"IssuerOfPatientID": "VALLEY"}])
def test_a_film_with_the_number_of_another_issuer_is_not_kept(
    issuer: dict[str, str], services: Services, receive: Receive
) -> None:
    asked_for(services, ASHA)
    assert receive(PatientID="P1", PatientName="Rao^Asha", **issuer) == Kept.NOT_ASKED_FOR


def test_a_film_of_a_patient_who_is_unclear_is_not_kept(services: Services, receive: Receive) -> None:
    asha = replace(ASHA, issuer="")
    assert [one.is_unclear for one in asked_for(services, asha, replace(asha, name="Two Bob"))] == [False, True]
    assert receive(PatientID="P1", PatientName="Two^Bob") == Kept.NOT_ASKED_FOR
    assert receive(PatientID="P1", PatientName="Rao^Asha") == Kept.PRIOR
