from __future__ import annotations

import io
import struct
import zipfile

import pytest

from lungwise.errors import Rejected
from lungwise.receiving import zip_members as module
from lungwise.receiving.other_files import SkipReason
from lungwise.receiving.zip_members import MemberFilter, UnpackLimits, zip_members

METHODS = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
MOST = UnpackLimits(member=60 << 20, total=300 << 20)


def zipped(method: int, *members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for number, data in enumerate(members):
            archive.writestr(f"{number}.jpg", data)
    return out.getvalue()


def content(data: bytes) -> list[tuple[str, bytes | SkipReason]]:
    return list(zip_members(data, MemberFilter(name=lambda name: True, head=lambda head: True), MOST))


@pytest.mark.parametrize("method", METHODS)
def test_every_method_is_unpacked(method: int) -> None:
    film = bytes(range(256)) * 8000
    assert content(zipped(method, film, b"two")) == [("0.jpg", film), ("1.jpg", b"two")]


@pytest.mark.parametrize("method", METHODS[1:])
def test_a_member_that_unpacks_to_more_than_films_do_is_rejected(method: int) -> None:
    assert content(zipped(method, b"\xff" * (40 << 20), b"two")) == [("0.jpg", SkipReason.TOO_LARGE), ("1.jpg", b"two")]


@pytest.mark.parametrize("method", METHODS[1:])
def test_a_member_that_unpacks_to_more_than_it_says_is_rejected(method: int) -> None:
    data = bytearray(zipped(method, b"\xff" * (40 << 20)))
    for signature, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<I", data, data.index(signature) + at, 1000)
    assert content(bytes(data)) == [("0.jpg", SkipReason.DAMAGED)]


@pytest.mark.parametrize("method", METHODS)
def test_a_broken_member_is_rejected(method: int) -> None:
    sound = zipped(method, bytes(range(256)) * 40)
    for at in range(30, len(sound), max(1, len(sound) // 40)):
        data = bytearray(sound)
        data[at : at + 4] = b"\xff\xff\xff\xff"
        try:
            content(bytes(data))
        except Rejected:
            continue


def test_more_files_than_any_disc_are_rejected() -> None:
    with pytest.raises(Rejected, match="too many files"):
        content(zipped(zipfile.ZIP_STORED, *[b""] * 20_001))


@pytest.mark.parametrize("method", METHODS)
def test_unpacking_ends_at_a_time(method: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CPU_SECONDS", 0.0)
    with pytest.raises(Rejected, match="too long"):
        content(zipped(method, b"one"))
