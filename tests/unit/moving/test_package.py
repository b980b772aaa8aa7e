from __future__ import annotations

import io
import os
from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from hypothesis import given, settings
from hypothesis import strategies as some

from lungwise.moving import package
from lungwise.moving.package import FRAME, MoveError, PackageReader, PackageWriter, Part

PASSPHRASE = "correct horse battery staple"


class Kept(io.BytesIO):
    """A file in memory that the writer may bring to a disk."""

    def fileno(self) -> int:
        return 1


@pytest.fixture(scope="module", autouse=True)
def cheap_keys() -> Iterator[None]:
    """Make keys with less work: what is tested is the frames."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lungwise.moving.package.Scrypt", lambda **how: Scrypt(**how | {"n": 2}))
        patch.setattr(os, "fsync", lambda _file: None)
        yield


def written(parts: list[Part]) -> bytes:
    out = Kept()
    writer = PackageWriter(out, PASSPHRASE)
    for part in parts:
        writer.add(part.head, part.data)
    writer.finish()
    return out.getvalue()


def read(data: bytes) -> list[Part]:
    return list(PackageReader(io.BytesIO(data), PASSPHRASE).parts())


PARTS = some.lists(some.builds(Part, some.dictionaries(some.text(), some.integers()), some.binary()))


@given(PARTS)
@settings(max_examples=30)
def test_parts_come_out_as_they_went_in(parts: list[Part]) -> None:
    assert read(written(parts)) == parts


@pytest.mark.parametrize("size", [0, 1, FRAME - 20, FRAME, 3 * FRAME + 5])
def test_a_large_part_crosses_frames(size: int) -> None:
    parts = [Part({"n": 1}, bytes(size)), Part({"n": 2}, b"end")]
    assert read(written(parts)) == parts


@given(some.data())
@settings(max_examples=40)
def test_any_change_is_found(data: some.DataObject) -> None:
    whole = written([Part({"film": "a"}, b"x" * 300), Part({"end": True})])
    place = data.draw(some.integers(0, len(whole) - 1))
    changed = whole[:place] + bytes([whole[place] ^ data.draw(some.integers(1, 255))]) + whole[place + 1 :]
    with pytest.raises(MoveError):
        read(changed)


@given(some.binary(max_size=200))
@settings(max_examples=40)
def test_other_bytes_are_no_package(data: bytes) -> None:
    with pytest.raises(MoveError):
        read(data)
    with pytest.raises(MoveError):
        read(package.MARK + data)


def test_frames_in_another_order_or_cut_off_do_not_open() -> None:
    whole = written([Part({}, bytes(FRAME)), Part({}, bytes(FRAME))])
    start = len(package.MARK) + 16
    frames, rest = [], whole[start:]
    while rest:
        size = 4 + int.from_bytes(rest[:4], "big")
        frames.append(rest[:size])
        rest = rest[size:]
    known, first, second, *end = frames
    for order in ([known, second, first, *end], [known, first, second], [known, first, second, *end, *end]):
        with pytest.raises(MoveError):
            read(whole[:start] + b"".join(order))


def test_a_wrong_passphrase_is_said() -> None:
    with pytest.raises(MoveError, match="The passphrase is not the one"):
        PackageReader(io.BytesIO(written([])), "another passphrase")
