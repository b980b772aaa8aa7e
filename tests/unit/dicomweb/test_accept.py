from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lungwise.dicomweb.accept import AS_STORED, DICOM, OCTETS, Accept
from lungwise.films.dicom.transfer_syntax import LITTLE_ENDIAN

JPEG_2000 = "1.2.840.10008.1.2.4.90"


@pytest.mark.parametrize(
    ("header", "jpeg", "png"),
    [
        ("*/*", 1, 1),
        ("image/png", 0, 1),
        ("image/*;q=0.4, image/png", 0.4, 1),
        ("image/jpeg;q=0, image/*", 0, 1),
        ("image/png;q=0.2, */*;q=0.1", 0.1, 0.2),
        ("text/html", 0, 0),
        ("", 0, 0),
    ],
)
def test_the_closest_range_says_how_much_a_media_type_is_liked(header: str, jpeg: float, png: float) -> None:
    accept = Accept(header)
    assert (accept.quality("image/jpeg"), accept.quality("image/png")) == (jpeg, png)


@pytest.mark.parametrize(
    ("header", "alone", "in_parts"),
    [
        ("*/*", [], [LITTLE_ENDIAN]),
        ("application/dicom", [LITTLE_ENDIAN], []),
        ("application/dicom; transfer-syntax=*", [AS_STORED], []),
        ('multipart/related; type="application/dicom"; transfer-syntax=*', [], [AS_STORED]),
        ("multipart/related; type=application/dicom; transfer-syntax=" + JPEG_2000, [], [JPEG_2000]),
        (f"application/dicom;transfer-syntax={JPEG_2000};q=0.5, application/dicom", [LITTLE_ENDIAN, JPEG_2000], []),
        ('multipart/related; type="application/octet-stream"', [], []),
        ('multipart/related; type="application/*"', [], [LITTLE_ENDIAN]),
        ("application/dicom;q=0", [], []),
    ],
)
def test_transfer_syntaxes_come_by_their_quality(header: str, alone: list[str], in_parts: list[str]) -> None:
    accept = Accept(header)
    assert accept.syntaxes(DICOM) == alone
    assert accept.syntaxes_in_parts(DICOM) == in_parts


@given(st.text(max_size=300))
def test_any_header_is_read(header: str) -> None:
    accept = Accept(header)
    assert 0 <= accept.quality("image/png") <= 1 and accept.syntaxes_in_parts(OCTETS) is not None
