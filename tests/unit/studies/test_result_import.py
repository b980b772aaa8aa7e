from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from dicom_files import dicom_bytes, film_dataset
from lungwise.access import Role
from lungwise.errors import NotFound, Rejected
from lungwise.patients.service import PatientFacts
from lungwise.studies.result_import import ResultImport
from synthetic_films import chest_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Services

HEAD = "accession,study,patient,test,result,date,reason\n"


def importing(services: Services) -> ResultImport:
    return ResultImport(services.session, services.studies, services.reference_results, services.patients.known_by, 3)


def table(*rows: str) -> bytes:
    return (HEAD + "\n".join(rows)).encode()


def test_a_row_finds_its_study_by_accession_number_by_key_or_by_patient_and_day(
    either_services: Services, film: Callable[..., bytes]
) -> None:
    services = either_services
    ada = services.person()
    scan = dicom_bytes(film_dataset(chest_bytes(), PatientID="P-1", AccessionNumber="A-7", StudyDate="20260301"))
    ordered = services.studies.open(ada, PatientFacts(), [("a", scan)])
    plain = services.studies.open(ada, PatientFacts(identifier="P-2"), [("a", film(1))])
    rows = ("A-7,,,PCR,positive,2026-03-01,contact", f",{plain.key},,Xpert,negative,2026-01-01,")
    data = table(*rows, ",,P-1,sputum,negative,2026-03-02,")
    found = importing(services).preview(ada, data)
    assert [one.study and one.study.key for one in found] == [ordered.key, plain.key, ordered.key]
    assert not ordered.reference_results
    assert importing(services).keep(ada, data, only_good=False) == 3
    services.session.expire_all()
    assert [one.kind for one in services.studies.get(ada, ordered.key).reference_results] == ["pcr", "sputum"]


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("A-9,,,PCR,positive,2026-03-01,contact", "No study of your clinic"),
        (",nothing,,PCR,positive,2026-03-01,contact", "No study of your clinic"),
        (",,P-7,PCR,positive,2026-02-01,contact", "no study of this patient"),
        (",,P-7,PCR,positive,2036-03-01,contact", "no study of this patient"),
        (",{key},,PCR,positive,2036-03-01,contact", "in the future"),
        (",{key},,PCR,positive,1969-03-01,contact", "before the patient was born"),
        (",{key},,PCR,positive,2026-03-01,", "why the PCR test was done"),
        (",{key},P-8,PCR,positive,2026-03-01,contact", "of another patient"),
        (",{key},,PCR,-,2026-03-01,contact", "not a result of this test"),
        (",{key},,Xpert,positive,2026-03-01,", "Line 2 has a result of the same test"),
    ],
)
def test_nothing_is_kept_of_a_table_with_a_row_that_cannot_be_right_unless_the_person_says_so(
    services: Services, film: Callable[..., bytes], row: str, sentence: str
) -> None:
    ada = services.person()
    facts = PatientFacts(identifier="P-7", birth_date=date(1970, 3, 25))
    study = services.studies.open(ada, facts, [("a", film(1))])
    data = table(f",{study.key},,Xpert,negative,2026-03-01,", row.format(key=study.key))
    _good, bad = importing(services).preview(ada, data)
    assert bad.rejected is not None and sentence in str(bad.rejected)
    with pytest.raises(Rejected, match="Nothing was kept"):
        importing(services).keep(ada, data, only_good=False)
    assert not services.studies.get(ada, study.key).reference_results
    assert importing(services).keep(ada, data, only_good=True) == 1
    (again, _bad) = importing(services).preview(ada, data)
    assert "of this test on this day" in str(again.rejected)


def test_of_a_patients_studies_the_nearest_counts_and_of_two_as_near_none(
    services: Services, film: Callable[..., bytes]
) -> None:
    ada = services.person()
    first = services.studies.open(ada, PatientFacts(identifier="P-7"), [("a", film(1))])
    services.clock.forward(days=2)
    second = services.studies.open(ada, PatientFacts(identifier="P-7"), [("a", film(2))])
    near, far, between = importing(services).preview(
        ada, table(*(f",,P-7,Xpert,negative,2026-03-{day:02},routine" for day in (2, 4, 3)))
    )
    assert (near.study, far.study) == (first, second)
    assert "one of several studies" in str(between.rejected)


def test_where_two_patients_have_the_identifier_nobody_guesses(services: Services, film: Callable[..., bytes]) -> None:
    ada = services.person()
    study = services.studies.open(ada, PatientFacts(identifier="P-7", issuer="Hill"), [("a", film(1))])
    services.clock.forward(days=9)
    services.studies.open(ada, PatientFacts(identifier="P-7", issuer="Valley"), [("a", film(2))])
    rows = (",,P-7,Xpert,negative,2026-03-02,routine", f",{study.key},P-7,Xpert,negative,2026-03-02,routine")
    between, named = importing(services).preview(ada, table(*rows))
    assert "Several patients have this identifier" in str(between.rejected)
    assert (named.study, named.rejected) == (study, None)


def test_a_test_of_another_year_is_kept_and_said_to_count_for_no_film(
    services: Services, film: Callable[..., bytes]
) -> None:
    ada = services.person()
    study = services.studies.open(ada, PatientFacts(identifier="P-7"), [("a", film(1))])
    near, far = importing(services).preview(
        ada, table(*(f",{study.key},,Xpert,negative,{day},routine" for day in ("2026-03-01", "2024-03-02")))
    )
    assert (near.too_far, far.too_far) == (None, 730)


def test_a_merged_patient_is_found_by_either_identifier_and_a_far_test_is_said_to_be_far(
    services: Services, film: Callable[..., bytes]
) -> None:
    ada = services.person()
    kept = services.studies.open(ada, PatientFacts(identifier="P-1", name="Bo Li"), [("a", film(1))])
    gone = services.studies.open(ada, PatientFacts(identifier="P-2", name="Bo Li"), [("a", film(2))])
    services.clock.forward(days=9)
    later = services.studies.open(ada, PatientFacts(identifier="P-1", name="Bo Li"), [("a", film(3))])
    keys = [services.studies.patient(ada, study).key for study in (kept, gone)]
    services.patient_studies.merge(ada, *keys)
    near, far = importing(services).preview(
        ada, table(",,P-2,Xpert,negative,2026-03-11,routine", ",,P-2,Xpert,negative,2026-03-06,routine")
    )
    assert near.study == later
    assert "within 3 days" in str(far.rejected)


def test_the_studies_of_another_clinic_are_not_found_and_who_may_not_conclude_uploads_no_results(
    services: Services, film: Callable[..., bytes]
) -> None:
    study = services.studies.open(services.person("Zoe", "Valley"), PatientFacts(identifier="P-7"), [("a", film(1))])
    data = table(f",{study.key},,Xpert,negative,2026-03-01,")
    (row,) = importing(services).preview(services.person(), data)
    assert "No study of your clinic" in str(row.rejected)
    with pytest.raises(NotFound):
        importing(services).preview(services.person("Wim", role=Role.HEALTH_WORKER), data)
