from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydicom.data import get_testdata_file

from dicom_files import report_file
from lungwise.errors import Rejected
from lungwise.films.formats import kind_of
from lungwise.receiving.other_files import SkippedFile, SkipReason
from lungwise.receiving.uploads import Limits, unpack

LIMITS = Limits(films=3, film_bytes=200_000, total_bytes=400_000)


def image(kind: str = "JPEG") -> bytes:
    out = io.BytesIO()
    Image.new("L", (8, 8), 90).save(out, kind)
    return out.getvalue()


def zipped(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WebP", "TIFF", "BMP"])
def test_every_image_format_is_known_by_its_first_bytes(kind: str) -> None:
    assert kind_of(image(kind)) == kind


def test_a_dicom_file_is_known() -> None:
    data = Path(str(get_testdata_file("CT_small.dcm"))).read_bytes()
    assert kind_of(data) == "DICOM"


def test_a_zip_gives_its_films_and_leaves_the_rest() -> None:
    members = {"a/one.jpg": image(), "__MACOSX/._one.jpg": b"junk", "DICOMDIR": b"junk", "read.txt": b"hello"}
    assert [upload.kind for upload in unpack([("z.zip", zipped(**members))], LIMITS).films] == ["JPEG"]


def test_a_folder_gives_its_films_and_leaves_the_rest() -> None:
    names = ("disc/IM1", "disc/DICOMDIR", "disc/.DS_Store", "disc/read.txt")
    assert len(unpack([(name, image()) for name in names], LIMITS).films) == 1


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"#!/bin/sh", "not a film"),
        (b"<svg onload=alert(1)>", "not a film"),
        (b"PK\x03\x04 broken", "damaged"),
        (zipped(one=b"\xff\xd8\xff" + b"0" * 300_000), "one is too large"),
        (
            zipped(one=b"\xff\xd8\xff" * 60_000, two=b"\xff\xd8\xff" * 60_000, three=b"\xff\xd8\xff" * 60_000),
            "can be uploaded at once",
        ),
        (zipped(), "not a film"),
        (image() + b"0" * 300_000, "too large"),
    ],
)
def test_what_is_no_film_is_refused_with_a_reason(data: bytes, says: str) -> None:
    with pytest.raises(Rejected, match=says):
        unpack([("name", data)], LIMITS)


def test_what_several_zips_of_an_upload_hold_counts_together() -> None:
    zips = [(f"{number}.zip", zipped(one=image("BMP") + bytes([number]) * 150_000)) for number in range(3)]
    assert len(unpack(zips[:2], LIMITS).films) == 2
    with pytest.raises(Rejected, match="more than can be uploaded at once"):
        unpack(zips, LIMITS)


def test_too_many_films_are_refused() -> None:
    films = [("name", image() + bytes(number)) for number in range(63)]
    with pytest.raises(Rejected, match="A study holds at most 3 films; this upload has 63"):
        unpack(films, LIMITS)
    assert len(unpack([films[0]] * 63, LIMITS).films) == 1


def test_nothing_is_refused() -> None:
    with pytest.raises(Rejected, match="no film"):
        unpack([], LIMITS)


def test_more_objects_beside_films_than_an_upload_may_hold_are_refused() -> None:
    reports = [("report", report_file(f"1.2.3.{number}")) for number in range(4)]
    limits = replace(LIMITS, objects=3)
    assert len(unpack([("film", image()), *reports[:3], *reports[:3]], limits).objects) == 3
    with pytest.raises(Rejected, match="at most 3 reports and the like; this one has 4"):
        unpack([("film", image()), *reports], limits)
    assert unpack([("film", image()), *reports], replace(limits, keeps_objects=False)).objects == []


@given(st.binary(max_size=2000), st.sampled_from([b"", b"PK\x03\x04", b"\0" * 128 + b"DICM", b"\xff\xd8\xff"]))
def test_any_bytes_are_taken_or_refused_and_nothing_else(tail: bytes, head: bytes) -> None:
    try:
        uploads = unpack([("name", head + tail)], LIMITS).films
    except Rejected:
        return
    assert all(upload.kind for upload in uploads)


def test_one_unknown_file_harms_no_other_and_is_named() -> None:
    disc = {
        "AUTORUN.INF": b"[autorun]",
        "VIEWER/VIEWER.EXE": b"MZ" + bytes(400_000),
        "INDEX.HTM": b"<html>",
        "Thumbs.db": b"\xd0\xcf\x11\xe0",
        "DICOMDIR": b"junk",
        ".DS_Store": b"Bud1",
        "reports/letter.pdf": b"%PDF-1.7",
        "DICOM/IM1": image("PNG"),
        "DICOM/IM2": image("BMP"),
    }
    for files in ([("disc.zip", zipped(**disc))], list(disc.items())):
        unpacked = unpack(files, LIMITS)
        assert [film.kind for film in unpacked.films] == ["PNG", "BMP"]
        assert unpacked.skipped == [SkippedFile(name="letter.pdf", reason=SkipReason.NOT_A_FILM)]


def test_a_broken_member_is_named_and_keeps_none_of_the_others() -> None:
    data = bytearray(zipped(one=image("PNG"), two=image("BMP")))
    at = data.index(image("BMP")[:2], data.index(b"two")) if image("BMP")[:2] in data else data.index(b"two") + 10
    data[at : at + 4] = b"\xff\xff\xff\xff"
    unpacked = unpack([("z.zip", bytes(data))], LIMITS)
    assert [film.kind for film in unpacked.films] == ["PNG"]
    assert unpacked.skipped == [SkippedFile(name="two", reason=SkipReason.DAMAGED)]
