from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lungwise.dicomweb.multipart import Malformed, Part, boundary_of, media_type, message, parts
from lungwise.films.dicom.transfer_syntax import LITTLE_ENDIAN

HEAD = b"Content-Type: application/dicom\r\n\r\n"


def in_pieces(data: bytes, size: int) -> Callable[[int], bytes]:
    """A stream that gives no more than `size` bytes at once, as a network does."""
    stream = io.BytesIO(data)
    return lambda most: stream.read(min(most, size))


def read(data: bytes, *, boundary: bytes = b"edge", largest: int = 100, size: int = 1 << 16) -> list[Part]:
    return list(parts(in_pieces(data, size), boundary, largest))


def test_parts_come_with_their_types() -> None:
    data = b"--edge\r\n" + HEAD + b"one\r\n--edge\r\ncontent-TYPE:  Text/Plain; a=b\r\nX: y\r\n\r\ntwo\r\n--edge--\r\n"
    assert read(data) == [Part(media_type="application/dicom", body=b"one"), Part(media_type="text/plain", body=b"two")]


@pytest.mark.parametrize("preamble", [b"", b"\r\n", b"This is a message.\r\n"])
@pytest.mark.parametrize("end", [b"", b"\r\n", b"\r\nan epilogue"])
def test_what_stands_before_and_behind_is_passed_over(preamble: bytes, end: bytes) -> None:
    data = preamble + b"--edge\r\n" + HEAD + b"one\r\n--edge--" + end
    assert read(data) == [Part(media_type="application/dicom", body=b"one")]


def test_a_part_without_headers_has_no_type() -> None:
    assert read(b"--edge\r\n\r\nbody\r\n--edge--") == [Part(media_type="", body=b"body")]


def test_a_part_that_is_too_large_is_dropped_and_the_next_is_read() -> None:
    data = b"--edge\r\n" + HEAD + b"x" * 101 + b"\r\n--edge\r\n" + HEAD + b"y" * 100 + b"\r\n--edge--"
    assert [part.body for part in read(data, size=17)] == [None, b"y" * 100]


def test_a_part_that_never_ends_does_not_grow_in_memory() -> None:
    given_bytes = 0

    def endless(most: int) -> bytes:
        nonlocal given_bytes
        given_bytes += most
        return (
            (b"--edge\r\n" + HEAD).ljust(most, b"x") if given_bytes == most else b"x" * most * (given_bytes < 1 << 26)
        )

    with pytest.raises(Malformed):
        list(parts(endless, b"edge", 1000))
    assert given_bytes >= 1 << 26


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no multipart at all",
        b"--edge",
        b"--edge\r\n" + HEAD,
        b"--edge\r\n" + HEAD + b"cut off",
        b"--edge\r\nX: " + b"y" * 20_000 + b"\r\n\r\n--edge--",
        b"x" * 20_000 + b"\r\n--edge--",
        b"--edge\r\n\r\n\r\n" * 3000,
    ],
)
def test_what_is_no_message_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        read(data)


@settings(max_examples=300)
@given(data=st.binary(max_size=400), size=st.integers(1, 50), cut=st.integers(0, 400))
def test_no_bytes_bring_it_down(data: bytes, size: int, cut: int) -> None:
    whole = b"--edge\r\n" + HEAD + data[:cut] + b"\r\n--edge\r\n" + data[cut:]
    try:
        assert all(part.body is None or len(part.body) <= 100 for part in read(whole, size=size))
    except Malformed:
        assert not whole.endswith(b"\r\n--edge--")


@settings(max_examples=200)
@given(bodies=st.lists(st.binary(max_size=90), max_size=6), size=st.integers(1, 70))
def test_what_is_written_is_read_back(bodies: list[bytes], size: int) -> None:
    chunks, content_type = message([(body, LITTLE_ENDIAN) for body in bodies], "application/dicom")
    _kind, parameters = media_type(content_type)
    got = parts(in_pieces(b"".join(chunks), size), boundary_of(parameters), 100)
    assert [part.body for part in got] == bodies


@pytest.mark.parametrize("boundary", [None, "", "a" * 201, "ends in a space ", 'a"b', "a\r\nb", "é"])
def test_boundaries_that_are_none_are_refused(boundary: str | None) -> None:
    with pytest.raises(Malformed):
        boundary_of({} if boundary is None else {"boundary": boundary})


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (
            'Multipart/Related; TYPE="application/dicom"; boundary="a;b"',
            {"type": "application/dicom", "boundary": "a;b"},
        ),
        ("multipart/related; type=application/dicom; boundary=a", {"type": "application/dicom", "boundary": "a"}),
        ("multipart/related", {}),
    ],
)
def test_a_type_may_be_quoted_or_not(header: str, expected: dict[str, str]) -> None:
    assert media_type(header) == ("multipart/related", expected)


@given(st.text(max_size=200))
def test_any_content_type_is_taken_apart(header: str) -> None:
    kind, parameters = media_type(header.replace("\r", " ").replace("\n", " "))
    assert kind == kind.lower()
    assert all(name == name.lower() for name in parameters)
