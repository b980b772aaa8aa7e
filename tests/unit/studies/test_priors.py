from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from dicom_files import dicom_file
from lungwise.access import Role
from lungwise.errors import NotFound
from lungwise.jobs.prior_fetches import PriorFetches
from lungwise.patients.service import Patient, PatientFacts
from lungwise.store.named_files import folders
from lungwise.studies.prior_models import PriorFilm
from lungwise.studies.priors import Priors
from lungwise.wiring import Wiring
from prior_films import add_prior
from synthetic_films import chest_bytes

if TYPE_CHECKING:
    from conftest import Services


@pytest.fixture
def priors(services: Services) -> Priors:
    return Priors(services.session, services.store, services.patients.records)


def patient_of(services: Services, identifier: str, number: int) -> Patient:
    study = services.studies.open(
        services.person(f"Ada{number}"),
        PatientFacts(identifier=identifier, name="Marie Curie"),
        [("film", dicom_file(chest_bytes(seed=number)))],
    )
    return services.session.get_one(Patient, study.patient_id)


def add(services: Services, patient: Patient, number: int = 1) -> PriorFilm:
    return add_prior(services.session, services.store, services.clock, patient, number)


def test_earlier_films_go_with_their_patient_merged_or_not(services: Services, priors: Priors) -> None:
    ada = services.person()
    kept, gone = (patient_of(services, identifier, number) for number, identifier in enumerate(("7", "8"), start=1))
    mine, other = add(services, kept), add(services, gone, 2)
    assert priors.of_patient(ada, kept) == [mine]
    services.patient_studies.merge(ada, kept.key, gone.key)
    assert priors.of_patient(ada, kept) == [mine, other]
    assert folders(services.session) >= {mine.key, other.key}
    services.patient_studies.take_back(ada, gone.key)
    assert priors.of_patient(ada, kept) == [mine]


def test_what_a_wrong_identifier_found_is_forgotten_and_asked_for_by_the_right_one(either_services: Services) -> None:
    services = either_services
    wired, ada = Wiring(services.settings, services.store, services.clock).over(services.session), services.person()
    patient = patient_of(services, "7", 1)
    prior, fetches = add(services, patient), PriorFetches(services.session, services.clock, patient.clinic_id)
    key, name = prior.key, prior.sha256
    fetches.queue(patient.id)
    services.clock.forward(minutes=1)
    under_way = fetches.claim()
    assert under_way is not None
    wired.patients.change(ada, patient.key, PatientFacts(identifier="7", name="Marie Sklodowska"))
    assert wired.priors.of_patient(ada, patient) == [prior]
    wired.patients.change(ada, patient.key, PatientFacts(identifier="8", name="Marie Sklodowska"))
    assert wired.priors.of_patient(ada, patient) == []
    services.session.commit()
    assert not services.store.holds(key, name)
    fetches.finish(under_way)
    services.clock.forward(minutes=1)
    claimed = fetches.claim()
    assert claimed is not None and claimed.facts.identifier == "8"


def test_who_sees_no_study_of_a_patient_sees_no_earlier_film(services: Services, priors: Priors) -> None:
    prior = add(services, patient_of(services, "7", 1))
    assert priors.get(services.person(), prior.key) == prior
    for stranger in (services.person("Eve", clinic="Valley"), services.person("Bob", role=Role.HEALTH_WORKER)):
        with pytest.raises(NotFound):
            priors.get(stranger, prior.key)


def test_old_ones_are_deleted_with_their_files_once_that_is_committed(services: Services, priors: Priors) -> None:
    patient = patient_of(services, "7", 1)
    old = add(services, patient)
    services.clock.forward(days=2)
    young = add(services, patient, 2)
    priors.delete_of([patient.id], services.clock() - timedelta(days=1))
    services.session.commit()
    assert priors.of_patient(services.person("Ann"), patient) == [young]
    assert {folder for folder, _name in services.store.films()} & {old.key, young.key} == {young.key}
