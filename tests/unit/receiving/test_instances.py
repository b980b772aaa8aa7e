from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydicom.uid import generate_uid

from dicom_files import dicom_bytes, film_dataset
from lungwise.access import Person, Role
from lungwise.patients.service import PatientFacts
from lungwise.receiving.film_files import FilmFiles
from lungwise.receiving.instances import InstanceRecording
from lungwise.receiving.uploads import ReceivedInstance, read_instance
from lungwise.store import CollisionError, new_key
from synthetic_films import chest_bytes

if TYPE_CHECKING:
    from conftest import Services


def instance(seed: int, **more: Any) -> ReceivedInstance:
    fields = {"StudyInstanceUID": "1.2.840.1", "SOPInstanceUID": generate_uid(), "PatientID": "P-1", **more}
    return read_instance(dicom_bytes(film_dataset(chest_bytes(seed=seed), **fields)), "CR1")


def receive(services: Services, node: Person, received: ReceivedInstance) -> str:
    """Record an instance as the receiver does, and give its study's key."""
    instances = InstanceRecording(services.studies.recording)
    chosen = instances.choose_study(node, received)
    key = chosen or new_key()
    (name,) = FilmFiles(services.store).put(key, [received.film])
    instances.record(node, key, name, received, is_new=chosen is None)
    return key


def test_instances_of_one_study_uid_and_one_patient_go_into_one_study(services: Services) -> None:
    node = Person(None, "LUNGWISE", services.person().clinic_id, Role.NODE)
    first = instance(0)
    keys = [receive(services, node, one) for one in (first, instance(1), instance(2, PatientID="P-2"), instance(3))]
    assert keys[0] == keys[1] == keys[3] != keys[2]
    with pytest.raises(CollisionError):
        receive(services, node, first)


def test_a_study_that_a_person_uploaded_takes_no_instances_of_its_study_uid(services: Services) -> None:
    ada = services.person()
    node, other = (Person(None, name, ada.clinic_id, Role.NODE) for name in ("LUNGWISE", "OTHER"))
    uploaded = instance(4, PatientID="P-2").film
    theirs = services.studies.open(ada, PatientFacts(), [("film", uploaded.data)])
    receive(services, node, instance(0))
    own = receive(services, node, instance(1, PatientID="P-2"))
    assert own != theirs.key
    assert receive(services, node, instance(2, PatientID="P-2")) == own
    assert receive(services, other, instance(3, PatientID="P-2")) not in (own, theirs.key)
