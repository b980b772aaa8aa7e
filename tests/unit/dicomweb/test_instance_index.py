from __future__ import annotations

from typing import TYPE_CHECKING

from dicom_files import dicom_bytes, film_dataset, report_file
from lungwise.dicomweb.instance_index import INSTANCE, SERIES, STUDY, InstanceIndex
from lungwise.dicomweb.metadata import value
from lungwise.dicomweb.query import parse, search
from lungwise.patients.service import PatientFacts
from lungwise.receiving.film_files import FilmFiles
from lungwise.receiving.uploads import read_instance
from lungwise.reports.service import Reports
from lungwise.results.film_results import FilmResults
from lungwise.store import new_key
from lungwise.studies.archive import Archive
from lungwise.studies.header_index import number_film
from synthetic_films import chest_bytes

if TYPE_CHECKING:
    from conftest import Services


def test_a_study_is_found_by_the_accession_number_that_its_film_got_later(services: Services) -> None:
    person = services.person()
    for number, said in enumerate(({}, {"AccessionNumber": ""}, {"AccessionNumber": "B7"})):
        film = dicom_bytes(film_dataset(chest_bytes(seed=number), StudyInstanceUID=f"1.{number}", **said))
        study = services.studies.open(person, PatientFacts(), [("film", film)])
        if number < 2:
            number_film(services.session, study.films[0], study.clinic_id, f"A{number}")
    results = FilmResults(services.studies, Reports(services.studies, str, services.settings), "Hill")
    index = InstanceIndex(person, Archive(services.session, services.patients), services.studies, results)
    for accession in ("A0", "A1", "B7"):
        query = parse([("AccessionNumber", accession)])
        (found,) = search(index, "studies", query, "https://a").found
        assert value(found, "00080050") == accession


def test_a_study_is_found_by_what_its_films_say_of_the_patient_and_by_what_is_known_now(
    either_services: Services,
) -> None:
    services, person = either_services, either_services.person()
    said = {"PatientID": "123", "PatientName": "Ndlovo^Marie"}
    film = dicom_bytes(film_dataset(chest_bytes(), StudyInstanceUID="1.2", **said))
    other = dicom_bytes(film_dataset(chest_bytes(seed=1), StudyInstanceUID="1.3"))
    study, unnamed = (services.studies.open(person, PatientFacts(), [("film", one)]) for one in (film, other))
    patient = services.studies.patient(person, study)
    results = FilmResults(services.studies, Reports(services.studies, str, services.settings), "Hill")
    index = InstanceIndex(person, Archive(services.session, services.patients), services.studies, results)

    def found(tag: str, text: str, level: str = "studies") -> list[str]:
        answer = search(index, level, parse([(tag, text), ("Modality", "DX")]), "https://a")
        return [value(one, STUDY) for one in answer.found]

    assert found("PatientID", "123") == ["1.2"] and found("PatientName", "Ndlovu*") == []
    services.patients.change(person, patient.key, PatientFacts(identifier="124", name="Ndlovu Marie"))
    for level in ("studies", "series"):
        for tag, texts in (
            ("PatientID", ("123", "124", "12?")),
            ("PatientName", ("Ndlovo*", "Ndlovu*", "ndlovu^marie")),
        ):
            assert [found(tag, text, level) for text in texts] == [["1.2"]] * 3
    assert found("PatientID", "125") == found("PatientName", "Ndlova*") == []
    assert found("PatientID", services.studies.patient(person, unnamed).identifier) == ["1.3"]


def test_a_film_stands_beside_its_results(services: Services) -> None:
    person = services.person()
    uids = {"StudyInstanceUID": "1.2", "SeriesInstanceUID": "1.2.3", "SOPInstanceUID": "1.2.3.4"}
    film = dicom_bytes(film_dataset(chest_bytes(), PatientID="7", **uids))
    services.studies.open(person, PatientFacts(), [("film", film)])
    services.read_all()
    results = FilmResults(services.studies, Reports(services.studies, str, services.settings), "Hill")
    index = InstanceIndex(person, Archive(services.session, services.patients), services.studies, results)
    (films,) = index.studies()
    instances = list(index.instances(films))
    assert value(instances[0].attributes, INSTANCE) == "1.2.3.4"
    assert {value(one.attributes, STUDY) for one in instances} == {"1.2"}
    assert {value(one, SERIES) for one in index.outlines(films)} == {value(one.attributes, SERIES) for one in instances}
    (alone,) = index.instances(films, "1.2.3.4")
    assert alone.load() == film


def test_of_two_reports_under_one_uid_the_first_is_given_back(services: Services) -> None:
    person = services.person()
    film = dicom_bytes(film_dataset(chest_bytes(), PatientID="7", StudyInstanceUID="1.2", SOPInstanceUID="1.2.3.4"))
    services.studies.open(person, PatientFacts(), [("film", film)])
    reports = [report_file("1.2.3.5", PatientID="7", StudyInstanceUID="1.2", StudyID=text) for text in "ab"]
    for report in reports:
        item, key = read_instance(report, "CR1").film, new_key()
        FilmFiles(services.store).put(key, [item])
        services.studies.recording.objects.record(person, key, item, "CR1")
    results = FilmResults(services.studies, Reports(services.studies, str, services.settings), "Hill")
    index = InstanceIndex(person, Archive(services.session, services.patients), services.studies, results)
    (films,) = index.studies()
    given = [one.load() for one in index.instances(films) if value(one.attributes, INSTANCE) == "1.2.3.5"]
    assert given == reports[:1]
