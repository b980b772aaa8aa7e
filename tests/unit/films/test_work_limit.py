from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from pydicom.uid import JPEG2000Lossless

from dicom_files import compressed_file, dicom_file, jpeg_2000
from lungwise.films import Refusal, open_film, work_limit
from lungwise.films.work_limit import DEFAULT_SECONDS, in_process, set_seconds
from synthetic_films import chest_bytes, chest_words, picture

BYTES, WORDS = chest_bytes(), chest_words(bits=12)
FILMS = {
    "PNG": picture(WORDS, "PNG"),
    "JPEG": picture(BYTES, "JPEG"),
    "JPEG, progressive": picture(BYTES, "JPEG", progressive=True),
    "DICOM": dicom_file(
        WORDS, PatientAge="012Y", PixelSpacing=["0.1", "0.2"], ViewPosition="PA", BodyPartExamined="HAND"
    ),
    "JPEG 2000": compressed_file(jpeg_2000(WORDS), WORDS, JPEG2000Lossless),
}


@pytest.fixture(autouse=True)
def seconds() -> Iterator[None]:
    yield
    set_seconds(DEFAULT_SECONDS)


@pytest.fixture
def every_film_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work_limit, "MAX_SAMPLES_HERE", 1)


@pytest.mark.parametrize("name", FILMS)
def test_a_large_film_is_the_same_film(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    here = open_film(FILMS[name])
    monkeypatch.setattr(work_limit, "MAX_SAMPLES_HERE", 1)
    elsewhere = open_film(FILMS[name])
    assert np.array_equal(elsewhere.pixels, here.pixels)
    for fact in (
        "kind",
        "photometric",
        "age",
        "pixel_spacing",
        "view",
        "photograph",
        "colour",
        "transparent",
        "warnings",
    ):
        assert getattr(elsewhere, fact) == getattr(here, fact)


@pytest.mark.usefixtures("every_film_is_large")
def test_a_large_film_is_refused_for_the_same_reason() -> None:
    data = picture(BYTES, "PNG")
    with pytest.raises(Refusal, match="damaged") as refused:
        open_film(data[:-2000] + bytes(2000))
    assert refused.value.code == "damaged"


@pytest.mark.usefixtures("every_film_is_large")
def test_a_large_film_that_takes_too_long_is_stopped_and_refused() -> None:
    data = picture(chest_words(2400, 2000), "PNG", compress_level=1)
    set_seconds(0.03)
    with pytest.raises(Refusal) as refused:
        open_film(data)
    assert refused.value.code == "too-slow"
    assert "0.03 seconds" in refused.value.reason


def test_a_small_film_that_takes_too_long_is_refused() -> None:
    set_seconds(1e-6)
    with pytest.raises(Refusal) as refused:
        open_film(FILMS["PNG"])
    assert refused.value.code == "too-slow"


def test_a_process_that_does_not_begin_is_a_lack_of_memory() -> None:
    with pytest.raises(MemoryError):
        in_process("no task", b"", 5)


def test_a_decoder_that_ends_its_process_is_a_damaged_film() -> None:
    refused = work_limit.failure(-11)
    assert isinstance(refused, Refusal)
    assert refused.code == "damaged"


def test_a_process_that_decodes_knows_no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUNGWISE_SECRET_KEY", "secret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    assert "secret" not in work_limit.plain_environment().values()
