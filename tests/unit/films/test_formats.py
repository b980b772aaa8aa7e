from __future__ import annotations

import pytest
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from dicom_files import dicom_bytes, dicom_file, film_dataset
from lungwise.api.framework.operations import FILM_TYPES
from lungwise.films import open_film
from lungwise.films.formats import FORMATS, kind_of, suffix_of
from lungwise.receiving.uploads import Limits, unpack
from lungwise.studies.forms import ACCEPTED
from synthetic_films import chest_bytes, picture

BYTES = chest_bytes()
FILES = {
    "JPEG": picture(BYTES, "JPEG"),
    "PNG": picture(BYTES, "PNG"),
    "WebP": picture(BYTES, "WebP"),
    "TIFF": picture(BYTES, "TIFF"),
    "TIFF of 64-bit offsets": picture(BYTES, "TIFF", big_tiff=True),
    "BMP": picture(BYTES, "BMP"),
    "DICOM": dicom_file(BYTES),
    **{
        f"DICOM without preamble, {syntax.name}": dicom_bytes(film_dataset(BYTES), syntax, bare=True)
        for syntax in (ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian)
    },
}
LIMITS = Limits(films=50, film_bytes=1 << 20, total_bytes=1 << 20)


@pytest.mark.parametrize("name", FILES)
def test_what_is_read_is_what_can_be_uploaded(name: str) -> None:
    kind = name.split()[0]
    assert kind_of(FILES[name]) == open_film(FILES[name]).kind == kind
    assert [film.kind for film in unpack([("film", FILES[name])], LIMITS).films] == [kind]


@pytest.mark.parametrize(
    "data", [b"", b"BM", b"BMW is a car, not a picture", b"II*", b"PK\3\4", b"\x08\0", bytes(200), b"%PDF"]
)
def test_what_is_no_film_has_no_kind(data: bytes) -> None:
    assert kind_of(data) is None


def test_every_format_is_named_wherever_formats_are() -> None:
    for known in FORMATS:
        assert known.media_type in FILM_TYPES
        assert suffix_of(known.kind) == known.suffixes[0]
        assert all(f".{suffix}" in ACCEPTED.split(",") for suffix in known.suffixes)
    assert suffix_of("GIF") == ""
