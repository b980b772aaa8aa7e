from __future__ import annotations

import io
import zipfile
from datetime import UTC
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomFileLike
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from dicom_files import dicom_bytes, dicom_file, film_dataset
from lungwise.orders.order import OrderRequest, OrderWay, Procedure
from lungwise.orders.service import Orders
from lungwise.patients.service import PatientFacts
from lungwise.reading.artefact import shipped_card
from lungwise.reading.prevalence import PredictiveValue
from lungwise.reports.service import Reports
from lungwise.results.film_results import FilmResults
from lungwise.studies.diagnosis import Diagnosis
from lungwise.studies.headlines import Headlines
from lungwise.studies.models import JobState
from lungwise.studies.service import Conclusion
from lungwise.studies.stored_answers import film_headline
from plans import statements
from synthetic_films import chest_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Services


def test_a_picture_is_packed_with_its_results_once_it_is_read(
    services: Services, film: Callable[..., bytes], blank: bytes
) -> None:
    person = services.person()
    results = FilmResults(services.studies, Reports(services.studies, str, services.settings), "Hill")
    study = services.studies.open(person, PatientFacts(), [("a", film(1, 8)), ("b", blank)])
    assert results.of(person, study.films) == []
    services.read_all()
    read, refused = study.films
    hot = ["outlines.dcm", "segmentation.dcm"]
    with zipfile.ZipFile(io.BytesIO(results.archive(person, read))) as files:
        assert files.namelist() == ["structured-report.dcm", "heat-map.dcm", *hot, "report.dcm", "film.dcm"]
    assert [item.Modality for item in results.of(person, [refused])] == ["SR", "DOC"]
    described = {one.uid for one in results.outlines(person, [read])}
    assert {item.SeriesInstanceUID for item in results.of(person, [read])} < described


@pytest.mark.parametrize("bare", [False, True])
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_a_film_without_uids_is_given_with_those_that_it_has_here(services: Services, syntax: str, bare: bool) -> None:
    classless = {} if bare else {"SOPClassUID": None}  # what begins with another element is taken for no film
    item = film_dataset(chest_bytes(), SOPInstanceUID=None, StudyInstanceUID="1.2", **classless)
    data = _without_uid(item, syntax, bare=bare)
    (film,) = services.studies.open(services.person(), PatientFacts(), [("a", data)]).films
    results = FilmResults(services.studies, Reports(services.studies, str, services.settings), "Hill")
    given = dcmread(io.BytesIO(results.original(film)()))
    here = (film.study_uid, film.series_uid, film.instance_uid)
    assert (given.StudyInstanceUID, given.SeriesInstanceUID, given.SOPInstanceUID) == here
    assert given.file_meta.MediaStorageSOPInstanceUID == film.instance_uid
    assert given.file_meta.TransferSyntaxUID == syntax
    assert np.array_equal(given.pixel_array, chest_bytes())


def test_a_film_that_has_its_own_uids_is_given_as_it_came(services: Services) -> None:
    data = dicom_file(chest_bytes(), SOPInstanceUID="1.2.3.4", SeriesInstanceUID="1.2.3", StudyInstanceUID="1.2")
    (film,) = services.studies.open(services.person(), PatientFacts(), [("a", data)]).films
    results = FilmResults(services.studies, Reports(services.studies, str, services.settings), "Hill")
    assert results.original(film)() == data


def _without_uid(item: Dataset, syntax: str, *, bare: bool) -> bytes:
    """Write an object that has no SOP Instance UID, which a whole file would need."""
    data = dicom_bytes(item, syntax, bare=True)
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = UID(syntax)
    head = io.BytesIO()
    if not bare:
        head.write(bytes(128) + b"DICM")
        write_file_meta_info(DicomFileLike(head), meta, enforce_standard=False)
    return head.getvalue() + data


def test_a_study_of_many_films_asks_as_often_as_one_of_two(services: Services, film: Callable[..., bytes]) -> None:
    person = services.person()
    results = FilmResults(services.studies, Reports(services.studies, str, services.settings), "Hill")
    counts = []
    for count in (2, 5):
        key = services.studies.open(person, PatientFacts(), [(str(n), film(n)) for n in range(count, 2 * count)]).key
        services.read_all()
        services.session.expire_all()
        films = services.studies.get(person, key).films
        counts.append(len(statements(services.session, partial(results.of, person, films, {"SR"}))))
    assert counts[0] == counts[1]


def test_where_no_font_has_a_names_letters_the_results_go_without_the_report(
    services: Services, film: Callable[..., bytes]
) -> None:
    person = services.person()
    results = FilmResults(services.studies, Reports(services.studies, str, services.settings), "Hill")
    study = services.studies.open(person, PatientFacts(identifier="7", name="\U000f0001da"), [("a", film(1, 8))])
    services.read_all()
    made = results.of(person, study.films)
    assert [item.Modality for item in made] == ["SR", "OT", "PR", "SEG"]
    assert {item.SeriesInstanceUID for item in made} < {one.uid for one in results.outlines(person, study.films)}
    assert "DOC" not in [one.series.modality for one in results.outlines(person, study.films)]


def test_results_carry_the_order_where_the_film_says_nothing_of_it(
    services: Services, film: Callable[..., bytes]
) -> None:
    person, facts = services.person(), PatientFacts(identifier="7", name="Bartók^Béla")
    orders = Orders(services.session, services.clock, services.patients, services.audit)
    asked = OrderRequest(
        accession="A1",
        referring_physician="Kodály^Zoltán",
        procedure=Procedure(description="Chest PA", code="36643-5", scheme="LN"),
    )
    order = orders.place(person, facts, asked, OrderWay.PAGE).order
    study = services.studies.open(person, facts, [("a", film(1, 8))])
    services.studies.orders.begin(order, study.key)
    services.read_all()
    report = FilmResults(services.studies, Reports(services.studies, str, services.settings), "Hill")
    for item in report.of(person, study.films):
        assert (item.AccessionNumber, str(item.ReferringPhysicianName)) == ("A1", "Kodály^Zoltán")
    structured = next(item for item in report.of(person, study.films) if item.Modality == "SR")
    (request,) = structured.ReferencedRequestSequence
    assert (request.AccessionNumber, request.StudyInstanceUID) == ("A1", order.study_uid)
    assert request.RequestedProcedureCodeSequence[0].CodeValue == "36643-5"


def test_the_structured_report_says_that_a_film_names_another_patients_order(services: Services) -> None:
    person = services.person()
    orders = Orders(services.session, services.clock, services.patients, services.audit)
    otto = PatientFacts(identifier="8", name="Hahn Otto")
    orders.place(person, otto, OrderRequest(accession="A1"), OrderWay.PAGE)
    results = FilmResults(services.studies, Reports(services.studies, str, services.settings), "Hill")

    def said(number: int, accession: str) -> str:
        named = {"PatientID": "7", "PatientName": "Bartok^Bela", "AccessionNumber": accession}
        data = dicom_file(chest_bytes(seed=number), StudyInstanceUID=f"1.2.{number}", **named)
        study = services.studies.open(person, PatientFacts(), [("a", data)])
        services.read_all()
        return str(results.of(person, study.films)[0].to_json())

    assert "dentity unclear" in said(1, "A1")
    assert "dentity unclear" not in said(2, "B7")


def test_the_structured_report_says_of_which_films_the_conclusion_is(
    services: Services, film: Callable[..., bytes]
) -> None:
    person = services.person()
    results = FilmResults(services.studies, Reports(services.studies, str, services.settings), "Hill")
    key = services.studies.open(person, PatientFacts(), [("a", film(1))]).key
    services.read_all()
    services.studies.conclude(person, key, Conclusion(conclusion=Diagnosis.NORMAL))
    services.clock.forward(minutes=5)
    services.studies.add_films(person, key, [("b", film(1, 8))])
    services.read_all()
    films = services.studies.get(person, key).films
    (report,) = results.of(person, films, {"SR"})
    groups = [item.value for item in report.iterall() if item.keyword == "ContentSequence"]
    (said,) = (one for one in groups if "before film 2 was added or read" in one[-1].get("TextValue", ""))
    images = [item for item in said if item.ValueType == "IMAGE"]
    assert [item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID for item in images] == [films[0].instance_uid]


def test_the_structured_report_says_that_a_film_is_not_in_it(services: Services, film: Callable[..., bytes]) -> None:
    person = services.person()
    results = FilmResults(services.studies, Reports(services.studies, str, services.settings), "Hill")
    study = services.studies.open(person, PatientFacts(), [("a", film(1)), ("b", film(2))])
    study.films[1].jobs[0].state = JobState.FAILED
    services.read_all()
    (report,) = results.of(person, study.films, {"SR"})
    assert (report.CompletionFlag, report.CompletionFlagDescription) == ("PARTIAL", "One film could not be read.")
    texts = [item.value for item in report.iterall() if item.keyword == "TextValue"]
    assert "One film could not be read." in texts

    services.queue.retry()
    services.read_all()
    (whole,) = results.of(person, services.studies.get(person, study.key).films, {"SR"})
    assert whole.CompletionFlag == "COMPLETE"
    assert "could not be read" not in str(whole.to_json())


def test_a_child_by_one_films_header_is_one_in_the_results_of_each(services: Services) -> None:
    person = services.person()
    results = FilmResults(services.studies, Reports(services.studies, str, services.settings), "Hill")
    named = {"StudyInstanceUID": "1.2.3", "PatientID": "7", "PatientBirthDate": ""}
    films = [
        dicom_file(chest_bytes(seed=seed), SOPInstanceUID=f"1.2.3.{seed}", **named, **age)
        for seed, age in ((1, {"PatientAge": "007Y"}), (2, {"PatientAge": ""}))
    ]
    study = services.studies.open(person, PatientFacts(), [("a", films[0])])
    services.studies.add_films(person, study.key, [("b", films[1])])
    services.read_all()
    assert [film.reading.warnings for film in study.films if film.reading] == [["child"], []]
    (report,) = results.of(person, study.films, {"SR"})
    texts = [item.value for item in report.iterall() if item.keyword == "TextValue"]
    assert sum(text.startswith("Not made for children.") for text in texts) == 2
    patient = services.studies.patient(person, study)
    headlines = Headlines(str, PredictiveValue(shipped_card(), 0.1))
    for film in study.films:
        headline = film_headline(headlines, film, patient, UTC, is_doubted=False)
        assert (headline.is_child, headline.number) == (True, None)
