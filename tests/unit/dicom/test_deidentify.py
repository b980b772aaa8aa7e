from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import config, dcmread
from pydicom._dicom_dict import DicomDictionary
from pydicom.data import get_testdata_file
from pydicom.datadict import dictionary_VR, keyword_for_tag
from pydicom.dataset import Dataset
from pydicom.uid import JPEG2000Lossless

from dicom_files import compressed_file, dicom_bytes, dicom_file, film_dataset, jpeg_2000
from lungwise.dicom.confidentiality import EMPTIED, KEPT, REPLACED_UIDS
from lungwise.dicom.deidentify import deidentify
from lungwise.films import Refusal, open_film

SECRET = "a secret of this hospital"
WORDS = np.tile(np.arange(96, dtype=np.uint16) * 40, (80, 1))
NAME, NUMBER, DATE, UID = "Zyx^Wvu", "MRN-77-41", "19671109", "1.2.840.99.17"
IDENTIFYING: dict[str, Any] = {
    "PatientName": NAME,
    "PatientID": NUMBER,
    "PatientBirthDate": DATE,
    "StudyDate": DATE,
    "StudyInstanceUID": UID,
    "SeriesInstanceUID": UID + ".1",
    "SOPInstanceUID": UID + ".1.1",
    "AccessionNumber": NUMBER,
    "ReferringPhysicianName": NAME,
    "PatientComments": NAME,
    "StudyDescription": NUMBER,
}
TEXTS = {"AE", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"}
SOMEWHERE = sorted(
    keyword
    for tag, (vr, vm, _name, _retired, keyword) in DicomDictionary.items()
    if keyword and vr in TEXTS and vm.startswith("1") and tag >> 16 >= 8 and keyword not in KEPT
)


def film(**attributes: Any) -> Dataset:
    return film_dataset(WORDS, **{**IDENTIFYING, "BitsStored": 12, **attributes})


def written_by(film: Dataset) -> Dataset:
    return dcmread(io.BytesIO(deidentify(dicom_bytes(film), SECRET).data))


def traces(data: bytes) -> list[bytes]:
    whole = [NAME, NUMBER, DATE, UID, *NAME.split("^")]
    return [text.encode() for text in whole if text.encode().lower() in data.lower()]


def test_who_it_was_is_gone_and_the_film_is_the_same() -> None:
    before = dicom_bytes(film(KVP="120", ViewPosition="PA"))
    after = deidentify(before, SECRET)
    assert traces(before) and not traces(after.data) and not traces(after.name.encode())
    assert np.array_equal(open_film(before).pixels, open_film(after.data).pixels)
    left = dcmread(io.BytesIO(after.data))
    assert (left.KVP, left.ViewPosition) == (120, "PA")


def test_it_says_how_it_was_done() -> None:
    left = written_by(film())
    assert left.PatientIdentityRemoved == "YES"
    assert "PS3.15" in left.DeidentificationMethod
    assert left.DeidentificationMethodCodeSequence[0].CodeValue == "113100"
    assert left.LongitudinalTemporalInformationModified == "REMOVED"
    assert left.file_meta.MediaStorageSOPInstanceUID == left.SOPInstanceUID != IDENTIFYING["SOPInstanceUID"]


def test_dates_are_emptied_and_the_patient_has_a_pseudonym() -> None:
    left = written_by(film())
    assert [left.StudyDate, left.PatientBirthDate, left.AccessionNumber] == ["", "", ""]
    assert str(left.PatientName) == left.PatientID != NUMBER


def test_films_that_belonged_together_still_do() -> None:
    first = written_by(film())
    second = written_by(film(SOPInstanceUID=UID + ".1.2", SeriesInstanceUID=UID + ".2"))
    stranger = written_by(film(PatientID="other", StudyInstanceUID=UID + ".9"))
    assert first.StudyInstanceUID == second.StudyInstanceUID != stranger.StudyInstanceUID
    assert first.PatientID == second.PatientID != stranger.PatientID
    assert first.SeriesInstanceUID != second.SeriesInstanceUID and first.SOPInstanceUID != second.SOPInstanceUID


def test_films_without_patient_id_are_not_put_together() -> None:
    first, second = (written_by(film(PatientID="", SOPInstanceUID=uid)) for uid in ("1.2.3", "1.2.4"))
    assert first.PatientID != second.PatientID


def test_another_secret_gives_other_names() -> None:
    one, other = (dcmread(io.BytesIO(deidentify(dicom_bytes(film()), s).data)) for s in (SECRET, "another"))
    assert one.StudyInstanceUID != other.StudyInstanceUID and one.PatientID != other.PatientID


def test_private_and_nested_elements_go() -> None:
    source = film()
    source.private_block(0x0011, "ACME", create=True).add_new(1, "LO", NAME)
    inner = Dataset()
    inner.PatientName, inner.CodeValue, inner.CodingSchemeDesignator, inner.CodeMeaning = NAME, "1", "99US", NUMBER
    known = Dataset()
    known.CodeValue, known.CodingSchemeDesignator, known.CodeMeaning = "399348003", "SCT", "antero-posterior"
    known.ContextUID, known.ContextGroupLocalVersion = UID, DATE
    source.ViewCodeSequence, source.RequestAttributesSequence = [known, inner], [inner]
    left = dcmread(io.BytesIO(deidentify(dicom_bytes(source), SECRET).data))
    assert [item.CodeMeaning for item in left.ViewCodeSequence] == ["antero-posterior"]
    assert "RequestAttributesSequence" not in left and not any(element.tag.is_private for element in left)
    assert not traces(deidentify(dicom_bytes(source), SECRET).data)


def test_comments_inside_compressed_frames_go() -> None:
    frame = jpeg_2000(WORDS)
    at = frame.index(b"\xff\x52")
    comment = b"\xff\x64" + (4 + len(NAME)).to_bytes(2, "big") + b"\0\1" + NAME.encode()
    before = compressed_file(frame[:at] + comment + frame[at:], WORDS, JPEG2000Lossless, **IDENTIFYING)
    after = deidentify(before, SECRET).data
    assert not traces(after)
    assert np.array_equal(open_film(before).pixels, open_film(after).pixels)


def test_spare_bits_go() -> None:
    overlay = WORDS | (np.indices(WORDS.shape).sum(0) % 2 << 12).astype(np.uint16)
    before = dicom_file(overlay, **{**IDENTIFYING, "BitsStored": 12})
    assert np.array_equal(dcmread(io.BytesIO(deidentify(before, SECRET).data)).pixel_array, WORDS)


def test_what_follows_the_pixels_and_what_precedes_the_header_goes() -> None:
    before = dicom_bytes(film())
    before = NAME.encode().ljust(128) + before[128:] + b"\xfc\xff\xfc\xffOB\0\0\x08\0\0\0" + NAME[:7].encode() + b" "
    assert not traces(deidentify(before, SECRET).data)


@pytest.mark.parametrize(("burned_in", "said"), [("YES", "Do not give"), ("NO", "does not look"), (None, "not say")])
def test_it_says_what_is_known_of_text_in_the_picture(burned_in: str | None, said: str) -> None:
    source = film() if burned_in is None else film(BurnedInAnnotation=burned_in)
    assert said in deidentify(dicom_bytes(source), SECRET).warning


def test_a_secondary_capture_is_warned_of() -> None:
    source = film(SOPClassUID="1.2.840.10008.5.1.4.1.1.7", Modality="OT", BurnedInAnnotation="NO")
    assert "secondary capture" in deidentify(dicom_bytes(source), SECRET).warning


def test_what_cannot_be_de_identified_is_refused() -> None:
    report = film(SOPClassUID="1.2.840.10008.5.1.4.1.1.88.33", Modality="SR")
    for data in (b"\xff\xd8\xff no dicom", dicom_bytes(report), dicom_bytes(film())[:900]):
        with pytest.raises(Refusal):
            deidentify(data, SECRET)


@pytest.mark.filterwarnings("ignore:.*:UserWarning:pydicom")
@settings(max_examples=150, deadline=None)
@given(
    places=st.lists(st.sampled_from(SOMEWHERE), min_size=1, max_size=12, unique=True),
    value=st.sampled_from([NAME, NUMBER, DATE, UID]),
    deep=st.integers(0, 3),
    private=st.integers(0x1001, 0x10FF),
)
def test_wherever_an_identifying_text_stands_it_goes(places: list[str], value: str, deep: int, private: int) -> None:
    source = film()
    inside = source
    for _ in range(deep):
        item = Dataset()
        inside.AnatomicRegionSequence = [item]
        inside = item
    for keyword in places:
        inside.add_new(keyword, dictionary_VR(keyword), value)
    inside.add_new(0x00090010, "LO", "ACME")
    inside.add_new(0x00090000 + private, "LO", value)
    assert not traces(deidentify(dicom_bytes(source), SECRET).data)


@pytest.mark.filterwarnings("ignore:.*:UserWarning:pydicom")
@pytest.mark.parametrize("keyword", sorted(KEPT - {"Manufacturer", "ManufacturerModelName", "CodeMeaning"}))
def test_no_name_hides_in_a_field_that_stays(keyword: str) -> None:
    before = config.settings.writing_validation_mode
    config.settings.writing_validation_mode = config.IGNORE
    try:
        source = film()
        if keyword not in source:
            source.add_new(keyword, "LT" if dictionary_VR(keyword) != "CS" else "CS", NAME)
        data = dicom_bytes(source)
    finally:
        config.settings.writing_validation_mode = before
    assert not traces(deidentify(data, SECRET).data)


def test_nothing_stays_that_the_profile_removes() -> None:
    """Some of table E.1-1 of PS3.15 (2023b), where it touches the groups of a radiograph."""
    gone = [0x00080012, 0x00080080, 0x00081010, 0x0008103E, 0x00081070, 0x00082111, 0x00101010, 0x00101020, 0x00101030]
    gone += [0x00181000, 0x00181002, 0x00181004, 0x00181005, 0x00181007, 0x00181008, 0x00181012, 0x00181014, 0x00181030]
    gone += [0x00181200, 0x00181400, 0x00184000, 0x0018700A, 0x0018700C, 0x00189424, 0x00204000, 0x00284000, 0x00400244]
    gone += [0x00080201, 0x0008002A, 0x00100021, 0x00101000, 0x00102160, 0x001021B0, 0x00321060, 0x00380010, 0x00400253]
    assert not {keyword_for_tag(tag) for tag in gone} & {*KEPT, *EMPTIED, *REPLACED_UIDS}


@pytest.mark.parametrize("name", ["RG1_UNCI.dcm", "RG3_J2KI.dcm", "image_dfl.dcm", "SC_rgb_rle.dcm"])
def test_films_of_many_makers(name: str) -> None:
    before = Path(str(get_testdata_file(name, download=False))).read_bytes()
    with_patient = dcmread(io.BytesIO(before))
    after = deidentify(before, SECRET).data
    left = dcmread(io.BytesIO(after))
    for keyword in ("PatientName", "PatientID", "StudyInstanceUID", "InstitutionName", "SOPInstanceUID"):
        value = str(with_patient.get(keyword, "")).encode()
        assert len(value) < 4 or value not in after
    assert left.pixel_array.shape == (with_patient.Rows, with_patient.Columns)
