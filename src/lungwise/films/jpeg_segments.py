"""The segments of a JPEG or JPEG-LS file, walked once before a decoder sees them (ITU-T T.81, annex B; T.87, annex C).

Decoders walk junk byte by byte, keep every comment, and read on behind the end of the picture.
So this module walks the file, with limits, and gives them only what belongs to the picture.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungwise.films.limits import damaged, too_many_parts

BASELINE, EXTENDED, PROGRESSIVE, LOSSLESS, JPEG_LS = 0xC0, 0xC1, 0xC2, 0xC3, 0xF7
DCT = frozenset({BASELINE, EXTENDED, PROGRESSIVE})
"""The lossy processes, by cosine transform and Huffman codes."""

END = b"\xff\xd9"
_FRAME_HEADERS = {*range(0xC0, 0xD0), JPEG_LS} - {0xC4, 0xC8, 0xCC}
_END_OF_IMAGE, _START_OF_SCAN = 0xD9, 0xDA
_STANDALONE = {0x01, *range(0xD0, 0xD9)}
_BETWEEN_SCANS = {0xC4, 0xCC, *range(0xDA, 0xDF), *range(0xE0, 0xF0), 0xF8, 0xFE}
_APP_1, _BESIDE = 0xE1, {*range(0xE1, 0xEE), 0xEF, 0xFE}
_MARKER = re.compile(rb"\xff[\x01-\xfe]")
_AFTER_CODES = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_AFTER_JPEG_LS_CODES = re.compile(rb"\xff[\x80-\xcf\xd8-\xfe]")
_MAX_JUNK = 2**16
"""Bytes that belong to no segment, before the frame header: fill bytes, and what careless programs leave."""

_MAX_SEGMENTS = 8192
"""Telephones write a depth map in hundreds of segments of 64 kB each."""

_COEFFICIENTS = 64
_OTHER_BITS = b"\xaa" * 16
"""They begin with 1; a decoder that runs out of codes makes up zeros."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameHeader:
    """What a frame's header declares; the coding process is the header's marker."""

    process: int = 0
    precision: int
    rows: int
    columns: int
    components: int

    @property
    def samples(self) -> int:
        """How many samples the frame has."""
        return self.rows * self.columns * self.components

    def samples_in(self, decoded: bytes) -> NDArray[Any]:
        """Return decoded bytes as (rows, columns) or (rows, columns, components), 8 or 16 bits.

        Raises
        ------
        Refusal
            `damaged`, if they are not as many as declared.
        """
        samples = np.frombuffer(decoded, np.uint8 if self.precision <= 8 else np.uint16)
        if samples.size != self.samples:
            raise damaged("contradiction")
        return samples.reshape((self.rows, self.columns, self.components)[: 2 + (self.components > 1)])


@dataclass(frozen=True, slots=True, kw_only=True)
class JpegSegments:
    """One picture's segments.

    Parameters
    ----------
    header
        The frame header.
    picture
        The file without what lies beside the picture: comments, profiles, junk, whatever follows its end.
    scans
        How many scans there are.
    ended
        Whether the end marker was found; `picture` has one in any case.
    whole
        Whether the scans are all that the frame header asks for, their own codes aside.
    """

    header: FrameHeader
    picture: bytes
    scans: int
    ended: bool
    whole: bool


def jpeg_segments(data: bytes) -> JpegSegments:
    """Walk the segments up to the end of the picture.

    Raises
    ------
    Refusal
        `damaged`, if there is no frame header, more than one, more junk before it than any program
        writes, or more segments.
    """
    return _Walk(data).segments()


def decoded_whole(segments: JpegSegments, decode: Callable[[bytes], NDArray[Any]]) -> NDArray[Any]:
    """Decode a picture, and refuse one whose codes were cut.

    Without an end marker only the codes themselves show it: other bits after the last one
    change the picture where a code is missing, and nothing where all codes are there.

    Raises
    ------
    Refusal
        `damaged`.
    """
    decoded = decode(segments.picture)
    if segments.ended:
        return decoded
    codes = segments.picture[: -len(END)].removesuffix(b"\xff")
    if not segments.whole or not np.array_equal(decoded, decode(codes + _OTHER_BITS + END)):
        raise damaged("cut")
    return decoded


@dataclass(slots=True)
class _Walk:
    data: bytes
    at: int = 2
    junk: int = 0
    scans: int = 0
    frame: bytes = b""
    header: FrameHeader | None = None
    has_exif: bool = False
    ended: bool = False
    kept: list[bytes] = field(default_factory=lambda: [b"\xff\xd8"])
    progress: dict[int, list[int]] = field(default_factory=dict)

    def segments(self) -> JpegSegments:
        for _ in range(_MAX_SEGMENTS):
            if not self._segment():
                break
        else:
            raise too_many_parts("segments")
        if self.header is None or not self.scans:
            raise damaged("no-header")
        picture = b"".join([*self.kept, END])
        whole = bool(self.progress) and not any(any(known[:_COEFFICIENTS]) for known in self.progress.values())
        return JpegSegments(header=self.header, picture=picture, scans=self.scans, ended=self.ended, whole=whole)

    def _segment(self) -> bool:
        """Take the next segment; False where the picture ends."""
        found = _MARKER.search(self.data, self.at, self.at + _MAX_JUNK + 2)
        if found is None:
            self._count_junk(len(self.data) - self.at)
            return False
        marker, start = self.data[found.end() - 1], found.start()
        self._count_junk(start - self.at + 2 * (marker in _STANDALONE))
        if marker in _STANDALONE:
            self.at = found.end()
            return True
        if marker == _END_OF_IMAGE:
            self.ended = self.scans > 0
            return False
        if self.scans and marker not in _BETWEEN_SCANS:  # a trailer, where the end marker was left out
            return False
        return self._take(marker, start)

    def _count_junk(self, more: int) -> None:
        if self.header is None:
            self.junk += more
        if self.junk > _MAX_JUNK:
            raise too_many_parts("bytes before the picture")

    def _take(self, marker: int, start: int) -> bool:
        end = start + 2 + int.from_bytes(self.data[start + 2 : start + 4], "big")
        body = self.data[start + 4 : end]
        if end < start + 4 or end > len(self.data):
            return False
        if marker in _FRAME_HEADERS:
            self._begin(marker, body)
        if marker == _START_OF_SCAN:
            self._begin_scan(body)
            end = self._end_of_codes(end)
        if not self._lies_beside(marker, body):
            self.kept.append(self.data[start:end])
        self.at = end
        return True

    def _begin(self, marker: int, body: bytes) -> None:
        if self.header is not None or len(body) < 6:
            raise damaged("headers")
        precision, rows, columns, components = struct.unpack_from(">BHHB", body)
        self.header = FrameHeader(
            process=marker, precision=precision, rows=rows, columns=columns, components=components
        )
        self.progress = {body[at]: [_COEFFICIENTS] * _COEFFICIENTS for at in range(6, len(body) - 2, 3)}

    def _begin_scan(self, body: bytes) -> None:
        """Note how exactly each coefficient is known by now (T.81, G.1.1.1.1)."""
        if self.header is None or len(body) < 4 or len(body) < 4 + 2 * body[0]:
            raise damaged("no-header")
        self.scans += 1
        first, last, precision = body[-3:]
        if self.header.process != PROGRESSIVE:
            first, last, precision = 0, _COEFFICIENTS - 1, 0
        for component in body[1 : 1 + 2 * body[0] : 2]:
            if component in self.progress:
                self.progress[component][first : last + 1] = [precision & 15] * max(0, last + 1 - first)

    def _end_of_codes(self, start: int) -> int:
        codes = _AFTER_JPEG_LS_CODES if self.header and self.header.process == JPEG_LS else _AFTER_CODES
        found = codes.search(self.data, start)
        return found.start() if found else len(self.data)

    def _lies_beside(self, marker: int, body: bytes) -> bool:
        """Return whether the decoder can do without it; the first EXIF block holds the orientation."""
        if marker == _APP_1 and body.startswith(b"Exif\0\0") and not self.has_exif:
            self.has_exif = True
            return False
        return marker in _BESIDE
