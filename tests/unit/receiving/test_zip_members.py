from __future__ import annotations

import io
import struct
import time
import tracemalloc
import zipfile
from contextlib import suppress

import pytest

from lungwise.errors import Rejected
from lungwise.receiving import zip_members as module
from lungwise.receiving.other_files import SkipReason
from lungwise.receiving.zip_members import MemberFilter, UnpackBudget, zip_members

METHODS = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]


def zipped(method: int, *members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for number, data in enumerate(members):
            archive.writestr(f"{number}.jpg", data)
    return out.getvalue()


def content(data: bytes, budget: UnpackBudget | None = None) -> list[tuple[str, bytes | SkipReason]]:
    budget = budget or UnpackBudget(member=60 << 20, size=300 << 20)
    return list(zip_members(data, MemberFilter(name=lambda name: True, head=lambda head: True), budget))


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
    film, found = bytes(range(256)) * 40, list[bytes | SkipReason]()
    sound = zipped(method, film)
    for at in range(30, len(sound), max(1, len(sound) // 40)):
        data = bytearray(sound)
        data[at : at + 4] = b"\xff\xff\xff\xff"
        with suppress(Rejected):  # the directory is broken
            found += [member for _name, member in content(bytes(data))]
    assert found.count(SkipReason.DAMAGED) > 30
    assert {member for member in found if isinstance(member, bytes)} <= {film}  # some bytes say nothing of it


@pytest.mark.parametrize("method", METHODS[1:])
def test_what_is_not_a_film_is_not_unpacked_further(method: int) -> None:
    data = zipped(method, bytes(10 << 20))
    no_film = MemberFilter(name=lambda name: True, head=lambda head: False)
    tracemalloc.start()
    found = list(zip_members(data, no_film, UnpackBudget(member=60 << 20, size=300 << 20)))
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found == [("0.jpg", SkipReason.NOT_A_FILM)]
    assert peak < 9 << 20  # most of which is the dictionary of LZMA


@pytest.mark.parametrize("method", METHODS)
def test_a_member_with_a_password_and_one_with_another_checksum_are_damaged(method: int) -> None:
    for at, bits in ((8, 0x1), (16, 0xFF)):
        data = bytearray(zipped(method, b"one", b"two"))
        data[data.index(b"PK\x01\x02") + at] ^= bits
        assert content(bytes(data)) == [("0.jpg", SkipReason.DAMAGED), ("1.jpg", b"two")]


def test_the_zips_of_an_upload_share_what_it_may_hold() -> None:
    data = zipped(zipfile.ZIP_DEFLATED, b"\xff" * 1000)
    budget = UnpackBudget(member=60 << 20, size=2500)
    assert content(data, budget) == content(data, budget) == [("0.jpg", b"\xff" * 1000)]
    with pytest.raises(Rejected, match="more than can be uploaded at once"):
        content(data, budget)


def test_the_zips_of_an_upload_share_how_many_files_they_hold() -> None:
    data = zipped(zipfile.ZIP_STORED, *[b"one"] * 3)
    budget = UnpackBudget(member=60 << 20, size=300 << 20, members=7)
    assert len(content(data, budget)) == len(content(data, budget)) == 3
    with pytest.raises(Rejected, match="too many files"):
        content(data, budget)


@pytest.mark.parametrize("method", METHODS)
def test_the_zips_of_an_upload_share_their_time(method: int) -> None:
    budget = UnpackBudget(member=60 << 20, size=300 << 20)
    assert content(zipped(method, b"one"), budget) == [("0.jpg", b"one")]
    budget.end = time.thread_time()
    with pytest.raises(Rejected, match="too long"):
        content(zipped(method, b"one"), budget)


def test_more_files_than_any_disc_are_rejected() -> None:
    with pytest.raises(Rejected, match="too many files"):
        content(zipped(zipfile.ZIP_STORED, *[b""] * 20_001))


@pytest.mark.parametrize("method", METHODS)
def test_unpacking_ends_at_a_time(method: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CPU_SECONDS", 0.0)
    with pytest.raises(Rejected, match="too long"):
        content(zipped(method, b"one"))
