from __future__ import annotations

import threading
import warnings

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    MPEG4HP41,
    BasicTextSRStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from dicom_files import dicom_bytes, dicom_file, film_dataset, shipped
from lungwise.films import Film, Refusal, open_film
from lungwise.films.dicom.radiograph import is_chest
from synthetic_films import chest_words

WORDS = chest_words(bits=12)


def refusal(data: bytes) -> Refusal:
    with pytest.raises(Refusal) as refused:
        open_film(data)
    assert refused.value.reason.endswith(".")
    return refused.value


@pytest.mark.parametrize(
    "syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]
)
def test_uncompressed_films_span_their_range(syntax: str) -> None:
    film = open_film(dicom_file(WORDS, syntax, BitsStored=12))
    low, high = float(WORDS.min()), float(WORDS.max())
    assert np.allclose(film.pixels, (WORDS - low) / (high - low), atol=1e-6)
    assert (film.kind, film.photometric) == ("DICOM", "MONOCHROME2")
    assert film.pixels.dtype == np.float32


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian])
def test_files_without_preamble_are_read(syntax: str) -> None:
    words = WORDS.byteswap() if syntax == ExplicitVRBigEndian else WORDS
    bare = dicom_bytes(film_dataset(WORDS, PixelData=words.tobytes(), BitsStored=12), syntax, bare=True)
    assert np.array_equal(open_film(bare).pixels, open_film(dicom_file(WORDS, BitsStored=12)).pixels)


def test_the_facts_of_the_file_are_carried() -> None:
    film = open_film(
        dicom_file(
            WORDS,
            ViewPosition="PA",
            ImageLaterality="L",
            PatientAge="045Y",
            PatientSex="F",
            ImagerPixelSpacing=[0.15, 0.2],
            PatientBirthDate="19000101",
            StudyDate="20200101",
        )
    )
    facts = (film.view, film.laterality, film.age, film.sex, film.pixel_spacing)
    assert facts == ("PA", "L", 45.0, "F", (0.15, 0.2))


def test_missing_facts_are_none() -> None:
    film = open_film(dicom_file(WORDS, ViewPosition=""))
    assert (film.view, film.laterality, film.age, film.sex, film.pixel_spacing) == (None,) * 5


@pytest.mark.parametrize(("age", "years"), [("006M", 0.5), ("052W", 1.0), ("010D", 0.03), ("100Y", 100.0)])
def test_ages_in_every_unit_become_years(age: str, years: float) -> None:
    assert open_film(dicom_file(WORDS, PatientAge=age)).age == pytest.approx(years, abs=0.01)


def test_without_an_age_birth_and_study_tell_it() -> None:
    dates = {"PatientBirthDate": "19700101", "StudyDate": "20200701"}
    assert open_film(dicom_file(WORDS, **dates)).age == pytest.approx(50.5, abs=0.01)
    assert open_film(dicom_file(WORDS, **dates | {"StudyDate": "19600101"})).age is None


def test_pixel_spacing_comes_before_the_imagers() -> None:
    film = open_film(dicom_file(WORDS, PixelSpacing=[0.1, 0.1], ImagerPixelSpacing=[0.2, 0.2]))
    assert film.pixel_spacing == (0.1, 0.1)


@pytest.mark.parametrize("modality", ["CT", "MR", "US", "NM", "MG", "PT"])
def test_other_modalities_are_no_radiographs(modality: str) -> None:
    refused = refusal(dicom_file(WORDS, Modality=modality))
    assert refused.code == "not-a-radiograph"
    assert modality in refused.reason


def test_what_a_refusal_quotes_neither_steers_a_terminal_nor_is_markup() -> None:
    for hostile in ("\x1b[31m", "\r\nOK", "<b>x</b>", "[b]", "\x9b2J", "'\"&"):
        files = [
            dicom_file(WORDS, Modality="XXXXXXXX").replace(b"XXXXXXXX", hostile.encode("latin-1").ljust(8)),
            dicom_file(WORDS).replace(b"1.2.840.10008.1.2.1\0", hostile.encode("latin-1").ljust(20)),
        ]
        for file in files:
            reason = refusal(file).reason
            assert "?" in reason
            assert reason.isprintable()
            assert not set(hostile) & set('"&<>[]\x1b\x9b\r\n') & set(reason)


@pytest.mark.parametrize("modality", ["CR", "DX", "OT", ""])
def test_radiography_and_captures_of_it_are_read(modality: str) -> None:
    assert isinstance(open_film(dicom_file(WORDS, Modality=modality)), Film)


def test_another_part_of_the_body_is_a_warning_and_a_chest_is_none() -> None:
    for part in ("HAND", "SKULL", "T SPINE", "LOWER LEG"):
        assert open_film(dicom_file(WORDS, BodyPartExamined=part)).warnings == ("body-part",)
    for part in ("CHEST", "CHEST ABDOMEN", "", "RIB", "PORT CHEST"):
        assert open_film(dicom_file(WORDS, BodyPartExamined=part)).warnings == ()


@pytest.mark.parametrize("part", ["", "CHEST", "LUNGS", "CHEST PA", "CHEST_PA", "PORT CHEST", "CHESTABDOMEN", "TORAX"])
def test_what_is_read_without_a_warning_is_asked_for_as_a_chest_film(part: str) -> None:
    assert open_film(dicom_file(WORDS, BodyPartExamined=part)).warnings == ()
    assert all(is_chest(modality, part) for modality in ("CR", "DX", "DR", "RG", "dx "))
    assert not any(is_chest(modality, part) for modality in ("", "CT", "OT", "SC"))


def test_a_film_of_another_part_is_not_asked_for_as_a_chest_film() -> None:
    assert not any(is_chest("DX", part) for part in ("HAND", "ABDOMEN", "L SPINE", "hand"))


def test_reports_are_no_radiographs() -> None:
    report = Dataset()
    report.SOPClassUID, report.SOPInstanceUID, report.Modality = BasicTextSRStorage, "1.2.3", "SR"
    assert refusal(dicom_bytes(report)).code == "not-a-radiograph"
    del report.Modality
    assert refusal(dicom_bytes(report)).code == "not-a-radiograph"


@pytest.mark.parametrize("name", ["reportsi.dcm", "test-SR.dcm", "rtplan.dcm", "waveform_ecg.dcm", "DICOMDIR"])
def test_objects_without_a_picture_are_no_radiographs(name: str) -> None:
    assert refusal(shipped(name)).code == "not-a-radiograph"


def test_encrypted_films_are_refused() -> None:
    film = film_dataset(WORDS, PixelData=None)
    film.EncryptedAttributesSequence = [Dataset()]
    assert refusal(dicom_bytes(film)).code == "encrypted"


def test_a_film_that_ends_before_its_pixels_is_damaged() -> None:
    assert refusal(dicom_bytes(film_dataset(WORDS, PixelData=None))).code == "damaged"


def test_video_is_unsupported() -> None:
    film = film_dataset(WORDS)
    file = dicom_bytes(film).replace(b"1.2.840.10008.1.2.1\0", (MPEG4HP41[:19]).encode() + b"\0")
    refused = refusal(file)
    assert refused.code == "unsupported"
    assert "Explicit VR Little Endian" in refused.reason


def test_several_frames_are_refused() -> None:
    twice = film_dataset(WORDS, NumberOfFrames=2, PixelData=WORDS.tobytes() * 2)
    assert refusal(dicom_bytes(twice)).code == "several-frames"
    assert isinstance(open_film(dicom_file(WORDS, NumberOfFrames=1)), Film)


def test_every_truncation_is_refused() -> None:
    file = dicom_file(WORDS)
    for end in range(1, len(file) - 1, 397):
        assert refusal(file[:end]).code in ("damaged", "not-an-image", "not-a-radiograph")


def test_many_threads_read_at_once_and_no_warning_escapes() -> None:
    files = [dicom_file(WORDS, PatientAge="045Y").replace(b"045Y", b"odd "), shipped("SC_rgb_rle.dcm")]
    expected = [open_film(file).pixels for file in files]
    same: list[bool] = []

    def read() -> None:
        for file, pixels in zip(files, expected, strict=True):
            same.append(np.array_equal(open_film(file).pixels, pixels))

    threads = [threading.Thread(target=read) for _ in range(8)]
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert same == [True] * 16
    assert not seen


@pytest.mark.parametrize("name", ["RG1_UNCR.dcm", "RG1_J2KR.dcm", "RG1_J2KI.dcm"])
def test_a_real_computed_radiograph_is_read_as_pydicom_reads_it(name: str) -> None:
    data = shipped(name)
    film = open_film(data)
    dataset = pydicom.dcmread(pydicom.filebase.DicomBytesIO(data))
    center, width = float(dataset.WindowCenter), float(dataset.WindowWidth)
    stored = dataset.pixel_array.astype(np.float64)
    shown = np.clip((stored - (center - 0.5)) / (width - 1) + 0.5, 0, 1)
    assert np.abs(film.pixels - (1 - shown)).max() < 1e-5
    assert (film.photometric, film.view, film.sex) == ("MONOCHROME1", "PA", "F")
