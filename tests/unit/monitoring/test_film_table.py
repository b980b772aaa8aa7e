from __future__ import annotations

from datetime import UTC, date
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dicom_files import dicom_bytes, film_dataset
from lungwise.jobs.reading_queue import Model
from lungwise.monitoring.draft import MOVABLE
from lungwise.monitoring.film_table import FINDINGS, HIGH, LOW, FilmTable, Standing, tables_of
from lungwise.patients.identity import Identity
from lungwise.patients.service import PatientFacts
from lungwise.reading.findings import FINDING_NAMES
from lungwise.reading.own_thresholds import FindingThresholds, OwnThresholds
from synthetic_films import chest_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Services
    from lungwise.access import Person
    from lungwise.studies.models import ReadingRecord

BORN = date(1970, 3, 25)


def table(services: Services, person: Person) -> FilmTable:
    model = services.worker.model
    return tables_of(services.session).of(services.session, person.clinic_id, model, UTC)


def test_the_findings_of_a_table_are_those_of_the_model() -> None:
    assert sorted(FINDINGS) == sorted(FINDING_NAMES)
    assert set(MOVABLE) < set(FINDING_NAMES)


def test_a_film_is_what_was_said_of_it_and_of_whom_it_is(either_services: Services, film: Callable[..., bytes]) -> None:
    services = either_services
    ada = services.person()
    header = {"ViewPosition": "PA", "Manufacturer": "Acme", "ManufacturerModelName": "X 1", "StudyDate": "20260228"}
    scan = dicom_bytes(film_dataset(chest_bytes(), PatientID="P-1", PatientBirthDate="19700325", **header))
    first = services.studies.open(ada, PatientFacts(), [("a", scan)])
    second = services.studies.open(ada, PatientFacts(identifier="7", sex="F", birth_date=BORN), [("b", film(1, 8))])
    services.read_all()
    found = table(services, ada)
    assert list(found.study) == [first.id, second.id]
    assert list(found.day) == [date(2026, 2, 28).toordinal(), services.clock().date().toordinal()]
    assert (list(found.view), list(found.device), list(found.age)) == (["PA", ""], ["Acme X 1", ""], [55, 55])
    assert list(found.standing) == [Standing.COUNTS] * 2
    reading = services.studies.get(ada, second.key).films[0].reading
    assert reading is not None
    assert found.score[1, 0] == reading.probability
    assert found.stratum[1, 0] == HIGH
    assert [found.score[1, n] for n in (1, 2, 3)] == [reading.findings.get(name, 0.0) for name in FINDINGS[1:]]


def test_children_photographs_and_patients_of_whom_it_is_unclear_who_they_are_do_not_count(
    services: Services, film: Callable[..., bytes]
) -> None:
    ada = services.person()
    child = PatientFacts(identifier="1", birth_date=date(2015, 1, 1))
    services.studies.open(ada, child, [("a", film(1))])
    photograph = services.studies.open(ada, PatientFacts(identifier="2"), [("a", film(2))])
    unclear = services.studies.open(ada, PatientFacts(identifier="3"), [("a", film(3))])
    services.studies.open(ada, PatientFacts(identifier="4"), [("a", film(4))])
    services.read_all()
    photograph.films[0].by_camera = True
    services.studies.patient(ada, unclear).identity = Identity.UNCLEAR
    services.session.commit()
    found = table(services, ada).standing
    assert list(found) == [Standing.CHILD, Standing.PHOTOGRAPH, Standing.UNCLEAR, Standing.COUNTS]


def the_reading_of(services: Services, person: Person, data: bytes) -> ReadingRecord:
    study = services.studies.open(person, PatientFacts(identifier="1"), [("a", data)])
    services.read_all()
    (reading,) = study.films[0].readings
    return reading


def test_what_was_said_first_stays_when_another_model_has_read_the_film(
    services: Services, film: Callable[..., bytes]
) -> None:
    ada = services.person()
    study = services.studies.open(ada, PatientFacts(identifier="1"), [("a", film(1, 8))])
    services.read_all()
    (first,) = study.films[0].readings
    values = {name: getattr(first, name) for name in ("film_id", "created_at", "appearance", "findings", "warnings")}
    again = type(first)(model="other", version="2", probability=0.01, verdict="negative", **values)
    study.films[0].readings.append(again)
    services.session.flush()
    other = Model(name="other", version="2")
    found = tables_of(services.session).of(services.session, ada.clinic_id, other, UTC)
    assert (found.score[0, 0], found.stratum[0, 0]) == (0.01, HIGH)


def test_films_read_by_a_clinics_own_thresholds_have_the_models_scores_and_what_was_said(
    services: Services, film: Callable[..., bytes]
) -> None:
    ada = services.person()
    reading = the_reading_of(services, ada, film(1))
    covid = FindingThresholds(finding="COVID-19", lower=0.1, upper=0.2, offset=-1.0)
    other = FindingThresholds(finding="other pneumonia", lower=0.05, upper=0.05)
    before = reading.probability
    assert before is not None
    reading.thresholds = OwnThresholds(id="own", findings=(covid, other)).as_stored()
    reading.model_probability, reading.model_findings = before, reading.findings
    reading.raised = None  # as earlier releases kept it
    reading.probability, reading.verdict = covid.recalibrated(before), "positive"
    services.session.commit()
    found = table(services, ada)
    assert found.score[0, 0] == before
    assert list(found.stratum[0, :3]) == [HIGH, LOW, HIGH]  # 0.1 is enough for pneumonia here


def test_what_was_said_first_stays_under_the_thresholds_of_another_model(
    services: Services, film: Callable[..., bytes]
) -> None:
    ada = services.person()
    reading = the_reading_of(services, ada, film(1))
    reading.findings = {**reading.findings, "normal": 0.999, "other pneumonia": 0.001, "tuberculosis": 0.999}
    reading.normal_called, reading.raised = False, ["other pneumonia"]  # by the card that it was read with
    services.session.commit()
    assert list(table(services, ada).stratum[0, 1:]) == [LOW, HIGH, LOW]


def test_what_is_new_changed_or_deleted_is_taken_in_and_else_the_table_is_the_same(
    either_services: Services, film: Callable[..., bytes]
) -> None:
    services = either_services
    ada, zoe = services.person(), services.person("Zoe", "Valley")
    first = services.studies.open(ada, PatientFacts(identifier="1"), [("a", film(1))])
    services.read_all()
    assert len(table(services, ada).film) == 1
    second = services.studies.open(ada, PatientFacts(identifier="2"), [("a", film(2, 8))])
    services.studies.open(zoe, PatientFacts(identifier="2"), [("a", film(3))])
    services.read_all()
    before = table(services, ada)
    assert list(before.study) == [first.id, second.id]
    assert table(services, ada) is before
    assert (before.stratum[0, 0] < HIGH, before.stratum[1, 0]) == (True, HIGH)
    patient = services.studies.patient(ada, first)
    services.patients.change(ada, patient.key, PatientFacts(identifier="1", birth_date=date(2015, 1, 1)))
    services.session.commit()
    assert dict(zip(*columns(table(services, ada)), strict=True)) == {first.id: Standing.CHILD, second.id: 0}
    services.studies.delete(ada, first.key)
    services.session.commit()
    assert list(table(services, ada).study) == [second.id]


def test_a_study_that_follows_the_newest_after_it_was_deleted_is_another(
    either_services: Services, film: Callable[..., bytes]
) -> None:
    services = either_services
    ada = services.person()
    newest = services.studies.open(ada, PatientFacts(identifier="1"), [("a", film(1, 8))])
    services.read_all()
    (before,) = table(services, ada).score
    services.studies.delete(ada, newest.key)
    services.session.commit()
    other = services.studies.open(ada, PatientFacts(identifier="2", sex="F"), [("a", film(2))])
    services.read_all()
    after = table(services, ada)
    assert (list(after.study), list(after.sex)) == ([other.id], ["F"])
    assert after.score[0, 0] != before[0]


def columns(found: FilmTable) -> tuple[list[int], list[int]]:
    return list(found.study), list(found.standing)


def test_the_films_of_merged_patients_are_of_one(services: Services, film: Callable[..., bytes]) -> None:
    ada = services.person()
    kept = services.studies.open(ada, PatientFacts(identifier="1", name="Bo Li"), [("a", film(1))])
    gone = services.studies.open(ada, PatientFacts(identifier="2", name="Bo Li"), [("a", film(2))])
    services.read_all()
    assert len(np.unique(table(services, ada).patient)) == 2
    keys = [services.studies.patient(ada, study).key for study in (kept, gone)]
    services.patient_studies.merge(ada, *keys)
    services.session.commit()
    assert len(np.unique(table(services, ada).patient)) == 1


@pytest.mark.parametrize("rows", [[], [(1, 2, 3, 4, (0.1,) * 4, (0,) * 4, 0, 50, "F", "PA", "")]])
def test_a_table_of_rows_has_their_columns(rows: list[tuple[object, ...]]) -> None:
    found = FilmTable.of(rows)
    assert found.score.shape == (len(rows), len(FINDINGS))
    assert FilmTable.joined([found, found]).view.tolist() == [row[9] for row in rows * 2]
