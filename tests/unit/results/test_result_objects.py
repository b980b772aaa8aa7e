from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from highdicom.sr import srread
from PIL import Image
from pydicom import config, dcmread
from pydicom.dataset import Dataset

from dicom_checks import dumped, errors_of
from dicom_files import dicom_bytes, dicom_file, film_dataset
from film_results import FACTS, MADE_AT
from lungwise.films import Refusal
from lungwise.reading.reading import Normal, Reading, Verdict
from lungwise.results.result_objects import FilmResult, file_bytes, film_object, result_objects

REPORT = b"%PDF-1.4 a report."
FINDINGS = {"normal": 0.02, "COVID-19": 0.9, "other pneumonia": 0.2, "tuberculosis": 0.01}
HEAT = np.linspace(0, 1, 289, dtype=np.float32).reshape(17, 17)


def result_of(findings: dict[str, float], model: str) -> FilmResult:
    reading = Reading(
        probability=0.93,
        verdict=Verdict.POSITIVE,
        appearance={},
        findings=findings,
        normal=Normal(probability=0.02, called=False),
        pattern="COVID-19",
        raised=("COVID-19",),
        heat_map=HEAT,
        quarter_turns=0,
        model=model,
        version="1.0.0",
    )
    return FilmResult(outcome=reading, model=model, version="1.0.0", made_at=MADE_AT)


READ = result_of(FINDINGS, "inception_v3")
REFUSED = FilmResult(
    outcome=Refusal("not-chest", {"sentence": "This is not a chest film."}),
    model="inception_v3",
    version="1.0.0",
    made_at=MADE_AT,
)
WORDS = np.tile(np.arange(256, dtype=np.uint16) * 16, (300, 1))
KEPT = {
    "StudyInstanceUID": "1.2.3",
    "SeriesInstanceUID": "1.2.3.4",
    "SOPInstanceUID": "1.2.3.4.5",
    "PatientName": "Doe^Jane",
    "PatientID": "77",
    "PatientBirthDate": "19700102",
    "PatientSex": "F",
    "PatientAge": "056Y",
    "StudyDate": "20260102",
    "StudyTime": "101112",
    "StudyID": "S1",
    "AccessionNumber": "A1",
    "ReferringPhysicianName": "House^G",
    "StudyDescription": "Chest PA",
}


def dicom_film(**attributes: Any) -> bytes:
    return dicom_file(WORDS, **{**KEPT, **attributes})


def jpeg_film() -> bytes:
    out = io.BytesIO()
    Image.fromarray((WORDS >> 4).astype(np.uint8)).save(out, "JPEG")
    return out.getvalue()


def test_a_read_film_has_a_report_a_heat_map_and_a_pdf_in_its_own_study() -> None:
    objects = result_objects(dicom_film(), FACTS, READ, REPORT)
    assert [item.Modality for item in objects] == ["SR", "OT", "PR", "SEG", "DOC"]
    for item in objects:
        for name, value in KEPT.items():
            if name not in ("SeriesInstanceUID", "SOPInstanceUID"):
                assert str(item[name].value) == value, name
    assert len({item.SeriesInstanceUID for item in objects} | {"1.2.3.4"}) == 6


def test_the_objects_of_a_refused_film_say_so(tmp_path: Path) -> None:
    report, pdf = result_objects(dicom_film(), FACTS, REFUSED, REPORT)
    text = dumped(report, tmp_path)
    assert '(111224,DCM,"Failed")' in text and "not-chest" in text and "not a chest film" in text
    assert "Probability" not in text
    assert pdf.Modality == "DOC"
    assert not errors_of(report, tmp_path) + errors_of(pdf, tmp_path)


def test_the_report_says_what_the_model_said_and_which_model_and_of_which_film(tmp_path: Path) -> None:
    report = result_objects(dicom_film(), FACTS, READ, REPORT)[0]
    text = dumped(report, tmp_path)
    for said in ('"0.93"', '"Positive"', '"inception_v3"', '"1.0.0"', '(121007,DCM,"Device")', "research use"):
        assert said in text
    film = report.CurrentRequestedProcedureEvidenceSequence[0]
    assert film.StudyInstanceUID == "1.2.3"
    assert film.ReferencedSeriesSequence[0].SeriesInstanceUID == "1.2.3.4"
    assert film.ReferencedSeriesSequence[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID == "1.2.3.4.5"


def test_highdicom_reads_the_measurements_back(tmp_path: Path) -> None:
    path = tmp_path / "report.dcm"
    path.write_bytes(file_bytes(result_objects(dicom_film(), FACTS, READ, REPORT)[0]))
    groups = srread(path).content.get_image_measurement_groups()  # type: ignore[attr-defined]
    assert [group.get_measurements()[0].value for group in groups] == [0.93, 0.02, 0.2, 0.01]


def test_a_finding_of_another_model_is_reported_too(tmp_path: Path) -> None:
    """An older release's, or a newer one's: it has no code of its own here."""
    result = result_of({"interstitial lung disease": 0.7}, "other")
    text = dumped(result_objects(dicom_film(), FACTS, result, REPORT)[0], tmp_path)
    assert '"interstitial lung disease"' in text
    assert '"0.7"' in text


def test_the_heat_map_is_drawn_over_the_film_and_the_words_beneath_it() -> None:
    capture = result_objects(dicom_film(), FACTS, READ, REPORT)[1]
    pixels = capture.pixel_array
    film, band = pixels[:300], pixels[300:]
    assert pixels.shape[1:] == (256, 3)
    red, green = film[200:, :, 0].astype(int), film[200:, :, 1].astype(int)
    assert (red - green).mean() > 40 > (film[:50, :, 0].astype(int) - film[:50, :, 1]).mean()
    assert band.max() == 255 and (band == 0).mean() > 0.5


def test_a_pdf_comes_out_as_it_went_in() -> None:
    odd = b"%PDF-1.4 odds"
    pdf = result_objects(dicom_film(), FACTS, READ, odd)[-1]
    kept = dcmread(io.BytesIO(file_bytes(pdf)))
    assert kept.EncapsulatedDocument[: kept.EncapsulatedDocumentLength] == odd


def test_a_film_that_was_no_dicom_becomes_what_its_results_refer_to(tmp_path: Path) -> None:
    film = film_object(jpeg_film(), FACTS)
    assert film is not None
    report, capture, outlines, mask, pdf = result_objects(jpeg_film(), FACTS, READ, REPORT)
    assert film.SOPInstanceUID == FACTS.film_uid and film.pixel_array.shape == (300, 256)
    named = report.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0]
    assert named.SeriesInstanceUID == film.SeriesInstanceUID
    assert named.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == film.SOPInstanceUID
    assert {item.StudyInstanceUID for item in (film, report, capture, outlines, mask, pdf)} == {FACTS.study_uid}
    assert (film.PatientID, str(film.PatientName), film.StudyDate) == ("L-17", "Asha Rao", "20260304")
    assert not [error for item in (film, report, capture, outlines, mask, pdf) for error in errors_of(item, tmp_path)]


@pytest.mark.parametrize(
    ("offset", "local"), [("+0530", "103607"), ("-0330", "013607"), ("+0000", "050607"), ("+2500", ""), ("", "")]
)
def test_times_are_of_the_films_time_zone_or_of_the_place(offset: str, local: str) -> None:
    """One offset holds for every time of an object, and the study's times are the film's."""
    for item in result_objects(dicom_film(TimezoneOffsetFromUTC=offset), FACTS, READ, REPORT):
        assert item.get("TimezoneOffsetFromUTC", "") == (offset if local else "")
        made_at = item.PresentationCreationTime if item.Modality == "PR" else item.ContentTime
        assert made_at == (local or MADE_AT.astimezone().strftime("%H%M%S"))
        assert item.StudyTime == KEPT["StudyTime"]


def test_the_same_result_is_the_same_objects_byte_for_byte() -> None:
    first, again = (result_objects(dicom_film(), FACTS, READ, REPORT) for _ in range(2))
    assert list(map(file_bytes, first)) == list(map(file_bytes, again))


def test_another_version_is_other_objects_and_another_report_another_pdf() -> None:
    first = [item.SOPInstanceUID for item in result_objects(dicom_film(), FACTS, READ, REPORT)]
    newer = replace(READ, version="1.0.1")
    assert not set(first) & {item.SOPInstanceUID for item in result_objects(dicom_film(), FACTS, newer, REPORT)}
    edited = [item.SOPInstanceUID for item in result_objects(dicom_film(), FACTS, READ, REPORT + b" ")]
    assert first[:4] == edited[:4] and first[4] != edited[4]


ODD: dict[str, dict[str, Any]] = {
    "no study id": {"StudyID": None, "AccessionNumber": None},
    "bad dates": {"StudyDate": "2026-13-99", "PatientBirthDate": "unknown", "StudyTime": "25:61"},
    "no patient": {"PatientID": None, "PatientName": None, "PatientBirthDate": None, "PatientSex": None},
    "no uids": {"StudyInstanceUID": None, "SeriesInstanceUID": None, "SOPInstanceUID": None},
    "bad uids": {"StudyInstanceUID": "1.02.abc", "SeriesInstanceUID": "..", "SOPInstanceUID": "1." + "9" * 80},
    "sex in words": {"PatientSex": "FEMALE", "PatientAge": "56"},
    "long texts": {"StudyID": "S" * 40, "StudyDescription": "D" * 200, "PatientName": "N" * 300},
    "empty": dict.fromkeys(KEPT, ""),
    "controls": {"PatientName": "Doe\x00^\x1b\x07Jane", "StudyDescription": "a\\b\nc"},
}


@pytest.mark.filterwarnings("ignore:.*:UserWarning:pydicom")  # the tests write what pydicom warns of
@pytest.mark.parametrize("name", ODD)
def test_an_odd_header_makes_no_invalid_object(name: str, tmp_path: Path) -> None:
    film = film_dataset(WORDS, **{word: text for word, text in KEPT.items() if word not in ODD[name]})
    for word, text in ODD[name].items():
        if text is None and word in film:
            del film[word]
        elif text is not None:
            setattr(film, word, text)
    film.add_new(0x00090010, "LO", "ACME")
    film.add_new(0x00091001, "UN", b"\xff\xfe private")
    objects = result_objects(_bytes_of(film), FACTS, READ, REPORT)
    assert [error for item in objects for error in errors_of(item, tmp_path)] == []
    assert not any(element.tag.is_private for item in objects for element in item)


def _bytes_of(film: Dataset) -> bytes:
    before = config.settings.writing_validation_mode
    config.settings.writing_validation_mode = config.IGNORE
    try:
        return dicom_bytes(film, bare=not film.get("SOPInstanceUID"))
    finally:
        config.settings.writing_validation_mode = before


NAMES = {
    "ISO_IR 100": ("Müller^Jürgen", "Müller^Jürgen".encode("latin-1")),
    "ISO_IR 192": ("राव^आशा", "राव^आशा".encode()),
    "ISO_IR 144": ("Люда^Ия", "Люда^Ия".encode("iso8859-5")),
    "GB18030": ("王^小东", "王^小东".encode("gb18030")),
    "\\ISO 2022 IR 87": (
        "Yamada^Tarou=山田^太郎=やまだ^たろう",
        b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B",
    ),
    "nonsense": ("Müller^Jürgen", "Müller^Jürgen".encode("latin-1")),
    "": ("Müller^Jürgen", "Müller^Jürgen".encode()),
}


def _rewritten(film: bytes, head: bytes, before: bytes, after: bytes) -> bytes:
    """Put other bytes into an element, which pydicom would not write."""
    after += b" " * (len(after) % 2)
    old, new = (head + len(value).to_bytes(2, "little") + value for value in (before, after))
    assert film.count(old) == 1
    return film.replace(old, new)


@pytest.mark.parametrize("character_set", NAMES)
def test_names_in_any_script_reach_the_objects(character_set: str, tmp_path: Path) -> None:
    name, written = NAMES[character_set]
    film = dicom_film(SpecificCharacterSet="ISO_IR 100")
    film = _rewritten(film, b"\x08\0\x05\0CS", b"ISO_IR 100", character_set.encode())
    film = _rewritten(film, b"\x10\0\x10\0PN", b"Doe^Jane", written)
    objects = result_objects(film, FACTS, READ, REPORT)
    for item in objects:
        assert str(dcmread(io.BytesIO(file_bytes(item))).PatientName) == name
        assert not errors_of(item, tmp_path)


def test_a_damaged_film_keeps_its_refusal(tmp_path: Path) -> None:
    report, pdf = result_objects(dicom_film()[:200], FACTS, REFUSED, REPORT)
    assert report.StudyInstanceUID == FACTS.study_uid and report.PatientID == "L-17"
    assert not errors_of(report, tmp_path) + errors_of(pdf, tmp_path)
