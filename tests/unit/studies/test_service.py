from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pydicom.data import get_testdata_file
from sqlalchemy import select, text

from dicom_files import dicom_file, report_file
from lungwise.access import Role
from lungwise.errors import Conflict, NotFound, Rejected, Unavailable
from lungwise.films.dicom.header import DicomHeader, read_header
from lungwise.patients.service import PatientFacts
from lungwise.receiving.uploads import Upload
from lungwise.store import new_key
from lungwise.studies.clinical_details import ClinicalDetails, Symptom
from lungwise.studies.diagnosis import Diagnosis
from lungwise.studies.models import JobState, ReadingRecord, StudyStatus
from lungwise.studies.object_models import OtherObject
from lungwise.studies.service import Conclusion
from synthetic_films import chest_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Services


CT = Path(str(get_testdata_file("CT_small.dcm"))).read_bytes()


def test_a_study_is_saved_first_and_read_afterwards(either_services: Services, film: Callable[..., bytes]) -> None:
    services, person = either_services, either_services.person()
    study = services.studies.open(person, PatientFacts(identifier="7"), [("a.jpg", film(1)), ("b.jpg", film(2, 8))])
    assert study.status == StudyStatus.WAITING
    assert [job.state for record in study.films for job in record.jobs] == [JobState.QUEUED] * 2
    assert services.read_all() == 2
    study = services.studies.get(person, study.key)
    assert study.status == StudyStatus.POSITIVE
    probabilities = [record.reading.probability or 0 for record in study.films if record.reading]
    assert study.probability == pytest.approx(max(probabilities))
    assert len(probabilities) == 2


def test_a_film_that_cannot_be_read_says_why(services: Services, blank: bytes) -> None:
    person = services.person()
    study = services.studies.open(person, PatientFacts(), [("a.jpg", blank)])
    services.read_all()
    study = services.studies.get(person, study.key)
    assert study.status == StudyStatus.REFUSED
    reading = study.films[0].reading
    assert reading is not None
    assert reading.refusal is not None
    assert "frontal chest X-ray" in reading.refusal.reason
    assert reading.refusal_reason is None


def test_the_same_film_is_not_kept_twice_in_a_study(services: Services, film: Callable[..., bytes]) -> None:
    person = services.person()
    study = services.studies.open(person, PatientFacts(), [("a.jpg", film(1)), ("again.jpg", film(1))])
    services.studies.add_films(person, study.key, [("a.jpg", film(1)), ("new.jpg", film(2))])
    assert len(services.studies.get(person, study.key).films) == 2


def test_a_dicom_header_fills_the_patient_in(services: Services) -> None:
    person = services.person()
    study = services.studies.open(person, PatientFacts(), [("a.dcm", CT)])
    assert services.studies.patient(person, study).identifier == "1CT1"


def test_films_of_another_patient_are_kept_apart(services: Services, film: Callable[..., bytes]) -> None:
    person = services.person()
    with pytest.raises(Rejected, match="another patient"):
        services.studies.open(person, PatientFacts(identifier="7"), [("a.dcm", CT)])
    study = services.studies.open(person, PatientFacts(identifier="7"), [("a.jpg", film(1))])
    with pytest.raises(Rejected, match="another patient"):
        services.studies.add_films(person, study.key, [("a.dcm", CT)])


def test_an_opinion_is_kept_beside_a_reading_that_stays_as_it_was(
    services: Services, film: Callable[..., bytes]
) -> None:
    person = services.person()
    study = services.studies.open(person, PatientFacts(), [("a.jpg", film(2, 8))])
    services.read_all()
    before = _readings(services)
    services.studies.conclude(person, study.key, Conclusion(agrees=True))
    services.studies.conclude(
        person,
        study.key,
        Conclusion(agrees=False, conclusion=Diagnosis.OTHER, other="fibrosis", note="an old scar"),
    )
    services.session.expire_all()
    study = services.studies.get(person, study.key)
    assert [(said.agrees, said.conclusion, said.other) for said in study.opinions] == [
        (True, "COVID-19", ""),
        (False, "other", "fibrosis"),
    ]
    assert study.conclusion == "other"
    assert _readings(services) == before


def test_an_empty_opinion_is_refused(services: Services, film: Callable[..., bytes]) -> None:
    person = services.person()
    study = services.studies.open(person, PatientFacts(), [("a.jpg", film(1))])
    with pytest.raises(Rejected, match="empty"):
        services.studies.conclude(person, study.key, Conclusion())


@pytest.mark.parametrize(
    "entered",
    [Conclusion(conclusion=Diagnosis.OTHER), Conclusion(conclusion=Diagnosis.NORMAL, other="fibrosis")],
)
def test_another_diagnosis_is_named(services: Services, film: Callable[..., bytes], entered: Conclusion) -> None:
    person = services.person()
    study = services.studies.open(person, PatientFacts(), [("a.jpg", film(1))])
    with pytest.raises(Rejected, match="Choose “Another diagnosis”"):
        services.studies.conclude(person, study.key, entered)


def test_nobody_agrees_with_what_their_conclusion_denies(services: Services, film: Callable[..., bytes]) -> None:
    person = services.person()
    study = services.studies.open(person, PatientFacts(), [("a.jpg", film(2, 8))])
    services.read_all()
    with pytest.raises(Rejected, match="You agree, but your conclusion is something else"):
        services.studies.conclude(person, study.key, Conclusion(agrees=True, conclusion=Diagnosis.NORMAL))
    services.studies.conclude(person, study.key, Conclusion(agrees=False, conclusion=Diagnosis.NORMAL))


def test_nobody_agrees_with_a_film_that_was_not_read(services: Services, blank: bytes) -> None:
    person = services.person()
    study = services.studies.open(person, PatientFacts(), [("a.jpg", blank)])
    services.read_all()
    with pytest.raises(Rejected, match="no verdict to agree with"):
        services.studies.conclude(person, study.key, Conclusion(agrees=True))
    services.studies.conclude(person, study.key, Conclusion(conclusion=Diagnosis.UNCERTAIN))


def test_symptoms_are_kept_encrypted_and_replaced(either_services: Services, film: Callable[..., bytes]) -> None:
    services, person = either_services, either_services.person()
    known = ClinicalDetails(symptoms=(Symptom.FEVER,), other="for a week", spo2=93)
    key = services.studies.open(person, PatientFacts(), [("a.jpg", film(1))], details=known).key
    services.session.expire_all()
    assert services.studies.get(person, key).clinical == known
    raw = services.session.execute(text("SELECT clinical FROM studies")).scalar_one()
    assert b"week" not in raw
    services.studies.describe(person, key, ClinicalDetails(spo2=97))
    services.session.expire_all()
    now = ClinicalDetails(spo2=97)
    assert services.studies.get(person, key).clinical == now
    with pytest.raises(Conflict):
        services.studies.describe(person, key, ClinicalDetails(symptoms=(Symptom.COUGH,)), known=known)
    for again in (known, now):  # sent anew, or over what is known
        services.studies.describe(person, key, now, known=again)
    assert services.studies.get(person, key).clinical == now


def test_a_study_stays_unread_until_it_is_seen_with_its_verdict(services: Services, film: Callable[..., bytes]) -> None:
    person = services.person()
    key = services.studies.open(person, PatientFacts(), [("a.jpg", film(1))]).key
    services.studies.saw(person, key)
    assert services.studies.get(person, key).unread
    services.read_all()
    services.studies.saw(person, key)
    services.session.expire_all()
    assert not services.studies.get(person, key).unread


def test_nothing_of_another_clinic_can_be_seen_or_changed(services: Services, film: Callable[..., bytes]) -> None:
    hill, valley = services.person("Ada", "Hill"), services.person("Bob", "Valley")
    study = services.studies.open(hill, PatientFacts(identifier="7"), [("a.jpg", film(1))])
    patient = services.studies.patient(hill, study)
    for action in (
        lambda: services.studies.get(valley, study.key),
        lambda: services.studies.film(valley, study.films[0].key),
        lambda: services.studies.add_films(valley, study.key, [("b.jpg", film(2))]),
        lambda: services.studies.conclude(valley, study.key, Conclusion(agrees=True)),
        lambda: services.studies.delete(valley, study.key),
        lambda: services.patient_studies.delete_patient(valley, patient.key),
        lambda: services.studies.saw(valley, study.key),
    ):
        with pytest.raises(NotFound):
            action()


def test_only_an_administrator_deletes(services: Services, film: Callable[..., bytes]) -> None:
    study = services.studies.open(services.person(), PatientFacts(identifier="7"), [("a.jpg", film(1))])
    for role in (Role.DOCTOR, Role.RADIOLOGIST):
        with pytest.raises(NotFound):
            services.studies.delete(services.person(role.value, role=role), study.key)


def _readings(services: Services) -> list[tuple[object, ...]]:
    columns = ReadingRecord.__table__.columns
    return [tuple(row) for row in services.session.execute(select(*columns))]


def test_objects_go_with_the_last_study_that_they_are_beside(either_services: Services) -> None:
    services, person = either_services, either_services.person()

    def opened(seed: int, patient: str) -> str:
        uids = {"StudyInstanceUID": "1.2", "SOPInstanceUID": f"1.2.{seed + 1}"}
        data = dicom_file(chest_bytes(seed=seed), PatientID=patient, **uids)
        return services.studies.open(person, PatientFacts(), [("film", data)]).key

    def left() -> list[str]:
        return sorted(item.instance_uid for item in services.studies.objects.having(person, ["1.2"]))

    studies = {name: opened(seed, name[0]) for seed, name in enumerate(("7a", "7b", "8"))}
    lost = new_key()
    for uid, patient, key in (("1.2.7", "7", new_key()), ("1.2.8", "8", new_key()), ("1.2.9", "8", lost)):
        data = report_file(uid, StudyInstanceUID="1.2", PatientID=patient)
        services.store.put(key, data)
        item = Upload(data=data, kind="DICOM", header=read_header(data))
        services.studies.recording.objects.record(person, key, item, "CR1")
    services.store.delete(lost)
    services.session.commit()
    stay = []
    for name in ("7a", "7b", "8"):
        services.studies.delete(person, studies[name])
        services.session.commit()
        stay.append(left())
    assert stay == [["1.2.7", "1.2.8", "1.2.9"], ["1.2.8", "1.2.9"], []]


def test_a_study_is_deleted_with_an_object_whose_file_is_lost_but_not_while_the_store_is_away(
    services: Services,
) -> None:
    person = services.person()
    film = dicom_file(chest_bytes(), StudyInstanceUID="1.2.3")
    study = services.studies.open(person, PatientFacts(), [("a.dcm", film)])
    item = Upload(data=report_file("1.2.3.9"), kind="DICOM", header=DicomHeader(study_uid="1.2.3"))
    services.studies.recording.objects.record(person, new_key(), item, "CR1")
    services.session.commit()
    found = services.studies.objects_of(person, study)
    assert (found.theirs, len(found.unfetched)) == ([], 1)
    away = services.settings.films_folder.rename(services.settings.data_folder / "away")
    with pytest.raises(Unavailable):
        services.studies.delete(person, study.key)
    services.session.rollback()
    away.rename(services.settings.films_folder)
    services.studies.delete(person, study.key)
    services.session.commit()
    assert services.session.scalars(select(OtherObject)).all() == []
    assert list(services.store.films()) == []


def test_a_film_goes_into_no_study_of_another_record_of_its_patient(
    services: Services, film: Callable[..., bytes]
) -> None:
    ada = services.person()
    known = [PatientFacts(identifier=number) for number in ("A-1", "B-1")]
    studies = [services.studies.open(ada, facts, [("film", film(n))]) for n, facts in enumerate(known)]
    kept, merged = (services.patients.known_by(ada, facts.identifier)[0] for facts in known)
    services.patient_studies.merge(ada, kept.key, merged.key)
    services.session.expire_all()
    found = [[services.studies.is_of(ada, study, facts) for facts in known] for study in studies]
    assert found == [[True, False], [False, True]]  # who takes the merging back parts them again
