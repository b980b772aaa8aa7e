from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom.uid import generate_uid
from sqlalchemy import select

from dicom_files import dicom_file
from lungwise.jobs.accession_lookups import AccessionLookups
from lungwise.orders.scheduled_steps import LookupAnswer
from lungwise.patients.service import PatientFacts
from lungwise.studies.lookup_models import AccessionLookup
from lungwise.wiring import Wiring
from synthetic_films import chest_bytes

if TYPE_CHECKING:
    from conftest import Services
    from lungwise.access import Person
    from lungwise.studies.service import Study


def asking(services: Services) -> Person:
    """Let the clinic ask a worklist, and give somebody in it."""
    settings = services.settings.model_copy(update={"worklist_from": "RIS@127.0.0.1:104"})
    wiring = Wiring(settings, services.store, services.clock)
    services.studies.recording = wiring.over(services.session).recording
    return services.person()


def film(number: int, **header: str) -> bytes:
    said = {"PatientID": "P1", "StudyInstanceUID": "1.2.3", "SOPInstanceUID": generate_uid()} | header
    return dicom_file(chest_bytes(seed=number), **said)


def opened(services: Services, person: Person, **header: str) -> Study:
    return services.studies.open(person, PatientFacts(), [("film", film(1, **header))])


def test_only_a_dicom_film_of_a_known_patient_without_a_number_is_asked_for(services: Services) -> None:
    ada = asking(services)
    opened(services, ada, AccessionNumber="A1", StudyInstanceUID="1.1")
    opened(services, ada, PatientID="P*", StudyInstanceUID="1.2")
    study = opened(services, ada)
    lookups = services.session.scalars(select(AccessionLookup)).all()
    assert [(one.study_id, one.study_uid) for one in lookups] == [(study.id, "1.2.3")]
    claimed = AccessionLookups(services.session, services.clock, ada.clinic_id).claim()
    assert claimed is not None
    assert (claimed.study, claimed.film.patient.identifier, claimed.is_clear) == (study.key, "P1", True)


def test_a_worklist_that_stays_away_is_given_up_and_asked_once_more_when_another_film_comes(
    services: Services,
) -> None:
    ada = asking(services)
    study = opened(services, ada)
    lookups = AccessionLookups(services.session, services.clock, ada.clinic_id)
    for _attempt in range(AccessionLookups.max_attempts):
        claimed = lookups.claim()
        assert claimed is not None and lookups.claim() is None
        lookups.fail(claimed, "RIS cannot be reached")
        services.clock.forward(hours=1)
    assert lookups.claim() is None
    assert services.session.scalars(select(AccessionLookup.state)).all() == ["failed"]
    services.studies.add_films(ada, study.key, [("film", film(2))])
    assert lookups.claim() is not None


def test_what_was_answered_is_not_asked_again(services: Services) -> None:
    ada = asking(services)
    study = opened(services, ada)
    lookups = AccessionLookups(services.session, services.clock, ada.clinic_id)
    claimed = lookups.claim()
    assert claimed is not None
    lookups.finish(claimed, LookupAnswer.SEVERAL, "RIS")
    services.studies.add_films(ada, study.key, [("film", film(2))])
    assert lookups.claim() is None
    services.studies.add_films(ada, study.key, [("film", film(3, StudyInstanceUID="1.2.4"))])
    other = lookups.claim()
    assert other is not None and other.film.study_uid == "1.2.4"
