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
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEG2000Lossless

from dicom_files import compressed_file, dicom_bytes, dicom_file, film_dataset, jpeg_2000, lut_item
from lungwise.dicom.confidentiality import EMPTIED, KEPT, REPLACED_UIDS
from lungwise.dicom.deidentify import deidentify, keep
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
_ITEM = Dataset()
_ITEM.PatientComments = NAME
VALUES: dict[str, tuple[str, Any]] = {
    **{vr: (vr, NAME) for vr in ("LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT")},
    "AE": ("AE", NUMBER),
    "CS": ("CS", NAME[:3].upper()),
    "UN": ("UN", NUMBER.encode() + b" "),
    **{vr: (vr, NAME.encode() + b" ") for vr in ("OB", "OW")},
    **{
        vr: (vr, value)
        for vr, value in {"DA": DATE, "DT": DATE, "TM": "101112", "AS": "056Y", "UI": UID + ".5"}.items()
    },
    **{vr: (vr, "7") for vr in ("DS", "IS")},
    **{vr: (vr, 7) for vr in ("FD", "FL", "SL", "SS", "UL", "US")},
    "SQ": ("SQ", [_ITEM]),
}
"""A telling value for an element of each kind."""
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
@settings(max_examples=150)
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


# fmt: off
_EMPTIED = {
    0x0008: "0020 0022 0023 0030 0032 0033 0050 0090",
    0x0010: "0030 0040",
    0x0020: "0010",
    0x0040: "0555",
}
"""PS3.15, table E.1-1 (2024b), where a radiograph may have it: action Z, or Z among several."""
_REPLACED = {0x0008: "0014 0017 0018 3010", 0x0010: "0010 0020", 0x0018: "1002", 0x0020: "000D 000E 0052 0200"}
"""Action U, and the two that get a pseudonym."""
_REMOVED = {
    0x0008: "0012 0013 0015 0024 0025 002A 0034 0035 0054 0055 0058 0080 0081 0082 0092 0094 0096 009C 009D 0106 "
            "0107 0201 1000 1010 1030 103E 1040 1041 1048 1049 1050 1052 1060 1062 1070 1072 1080 1084 1088 1110 "
            "1111 1120 1140 1155 1195 2111 2112 4000",
    0x0010: "0021 0032 0050 0101 0102 1000 1001 1002 1005 1010 1020 1030 1040 1050 1060 1080 1081 1090 1100 2000 "
            "2110 2150 2152 2154 2155 2160 2180 21A0 21B0 21C0 21D0 21F0 2203 2297 2299 4000",
    0x0012: "0010 0020 0021 0022 0023 0030 0031 0032 0040 0041 0042 0043 0050 0051 0055 0060 0071 0072 0073 0081 "
            "0082 0086 0087",
    0x0016: "002B 004B 004D 004E 004F 0050 0051 0070 0071 0072 0073 0074 0075 0076 0077 008D",
    0x0018: "0010 0027 0035 1000 1004 1005 1007 1008 1009 100A 100B 1012 1014 1030 1042 1043 1072 1073 1078 1079 "
            "11BB 1200 1201 1202 1203 1204 1205 1400 2042 4000 5011 700A 700C 700E 9074 9151 9185 9367 9369 936A "
            "9371 9373 937B 937F 9424 9516 9517 9623 9701 9804 9919 9937 A002 A003",
    0x0020: "0027 3401 3403 3405 3406 4000 9158 9161 9164",
    0x0028: "1199 1214 4000",
    0x0032: "0012 0032 0033 0034 0035 1000 1001 1010 1011 1020 1021 1030 1032 1033 1040 1041 1050 1051 1060 1066 "
            "1067 1070 4000",
    0x0038: "0004 0010 0011 0014 001A 001B 001C 001D 001E 0020 0021 0030 0032 0040 0050 0060 0061 0062 0064 0300 "
            "0400 0500 4000",
    0x0040: "0001 0002 0003 0004 0005 0006 0007 0009 000B 0010 0011 0012 0241 0242 0243 0244 0245 0250 0251 0253 "
            "0254 0275 0280 0310 0512 0513 051A 0551 0554 0562 0600 0602 0610 06FA 1001 1002 1004 1005 100A 1010 "
            "1011 1101 1102 1103 1104 1400 2001 2004 2005 2008 2009 2010 2011 2016 2017 2400 3001 4005 4008 4010 "
            "4011 4023 4025 4027 4028 4030 4034 4035 4036 4037 4050 4051 4052 A023 A024 A027 A030 A032 A033 A073 "
            "A075 A078 A07A A07C A082 A088 A110 A112 A120 A121 A122 A123 A124 A13A A171 A172 A192 A193 A307 A352 "
            "A353 A354 A358 A402 A730 DB06 DB07 DB0C DB0D E004",
    0x0070: "0001 0082 0083 0084 0086",
    0x0088: "0140 0200 0904 0906 0910 0912",
    0x0400: "0100 0105 0115 0310 0402 0403 0404 0550 0551 0552 0561 0562 0563 0564 0565 0600",
    0x2200: "0002 0005",
    0x4000: "0010 4000",
    0x4008: "0040 0042 0100 0101 0102 0108 0109 010A 010B 010C 0111 0112 0113 0114 0115 0118 0119 011A 0200 0202 "
            "0300 4000",
}
"""Action X or D, of what no film needs. Of the groups of other objects, as plans and displays, nothing is kept."""
# fmt: on
CURVES_AND_OVERLAYS = [0x50003000, 0x50020040, 0x501E3000, 0x60003000, 0x60004000, 0x60020022, 0x601E3000]


def tags_of(table: dict[int, str]) -> list[int]:
    return [group << 16 | int(element, 16) for group, elements in table.items() for element in elements.split()]


def test_no_attribute_of_the_profiles_table_stays_as_it_is() -> None:
    assert not {keyword_for_tag(tag) for tag in tags_of(_REMOVED)} & {*KEPT, *EMPTIED, *REPLACED_UIDS}
    assert {keyword_for_tag(tag) for tag in tags_of(_EMPTIED)} == {*EMPTIED}
    assert {keyword_for_tag(tag) for tag in tags_of(_REPLACED)} == {*REPLACED_UIDS, "PatientName", "PatientID"}


def test_a_film_with_every_attribute_of_the_profiles_table_keeps_none_of_their_values() -> None:
    source = film()
    for tag in {*tags_of(_REMOVED), *tags_of(_EMPTIED), *tags_of(_REPLACED)} - {0x00080018}:
        source.add(DataElement(tag, *VALUES[dictionary_VR(tag).split()[0]]))
    for tag in CURVES_AND_OVERLAYS:
        source.add_new(
            tag, "OW" if tag & 0xFFFF == 0x3000 else "LO", NAME.encode().ljust(8) if tag & 0xFFFF == 0x3000 else NAME
        )
    before = dicom_bytes(source)
    assert len(traces(before)) == 6
    after = deidentify(before, SECRET)
    assert not traces(after.data)
    left = dcmread(io.BytesIO(after.data))
    assert not {element.tag for element in left} & {*tags_of(_REMOVED), *CURVES_AND_OVERLAYS}
    assert all(left[tag].is_empty for tag in tags_of(_EMPTIED))


def test_uids_are_replaced_alike_wherever_they_stand() -> None:
    events = [UID + ".7", UID + ".8"]
    first = written_by(film(IrradiationEventUID=events, DeviceUID=UID + ".9", FrameOfReferenceUID=UID + ".8"))
    second = written_by(film(SOPInstanceUID=UID + ".1.2", IrradiationEventUID=UID + ".8", DeviceUID=""))
    assert len(first.IrradiationEventUID) == 2
    assert first.IrradiationEventUID[1] == second.IrradiationEventUID == first.FrameOfReferenceUID
    assert second.DeviceUID == "" and first.DeviceUID.startswith("2.25.")


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


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_a_film_without_preamble_is_taken(syntax: str) -> None:
    words = WORDS.byteswap() if syntax == ExplicitVRBigEndian else WORDS
    before = dicom_bytes(film(PixelData=words.tobytes()), syntax, bare=True)
    after = deidentify(before, SECRET)
    assert traces(before) and not traces(after.data)
    assert np.array_equal(open_film(before).pixels, open_film(after.data).pixels)
    assert deidentify(dicom_bytes(film()), SECRET).name == after.name


@pytest.mark.parametrize("said", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.4.50"])
def test_a_film_that_names_another_syntax_is_taken(said: str) -> None:
    before = dicom_bytes(film())
    at = before.index(b"\x02\0\x10\0UI")
    value = said.encode() + b"\0" * (len(said) % 2)
    after_it = before[at + 8 + int.from_bytes(before[at + 6 : at + 8], "little") :]
    renamed = before[: at + 6] + len(value).to_bytes(2, "little") + value + after_it
    after = deidentify(renamed, SECRET).data
    assert not traces(after)
    assert np.array_equal(open_film(before).pixels, open_film(after).pixels)


@pytest.mark.parametrize("bits", [8, 16])
def test_tables_in_big_endian_words_keep_their_values(bits: int) -> None:
    entries = (np.arange(4096)[::-1] // (16 if bits == 8 else 1)).astype(np.uint16)
    table = lut_item(0, entries.astype(np.uint8) if bits == 8 else entries, bits)
    big = lut_item(0, entries, bits)
    big.LUTData = (entries.astype(np.uint8).view(np.uint16) if bits == 8 else entries).byteswap().tobytes()
    little = dicom_bytes(film(VOILUTSequence=[table]))
    source = film(VOILUTSequence=[big], PixelData=WORDS.byteswap().tobytes())
    after = deidentify(dicom_bytes(source, ExplicitVRBigEndian), SECRET).data
    kept = dcmread(io.BytesIO(after))
    assert kept.VOILUTSequence[0].LUTData == table.LUTData
    assert np.array_equal(open_film(dicom_bytes(source, ExplicitVRBigEndian)).pixels, open_film(little).pixels)
    assert np.array_equal(open_film(after).pixels, open_film(little).pixels)


@pytest.mark.parametrize(("vr", "kind"), [("OW", "u2"), ("OF", "f4"), ("OL", "u4"), ("OD", "f8"), ("OV", "u8")])
def test_words_of_every_size_turn_with_the_byte_order(vr: str, kind: str) -> None:
    numbers = np.arange(7) + 1
    kept = Dataset()
    keep(kept, DataElement(0x00283006, vr, numbers.astype(">" + kind).tobytes()), ">", 0)
    assert np.array_equal(np.frombuffer(kept[0x00283006].value, "<" + kind), numbers)
