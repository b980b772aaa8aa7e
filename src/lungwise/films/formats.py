"""The file formats of films, in one table: whoever takes, reads or names a film asks here.

The first bytes decide, never a file's name. Pictures are decoded by the plugins in `picture.py`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

DICOM = "DICOM"
_BARE_DICOM = rb"""
    (?=.{16})  # group 2 or 8, an element of 18 at most, and a plausible value representation or length
    (?: [\x02\x08]\0 [\0-\x18]\0 (?: UL|CS|SH|LO|UI|DA|TM|OB | .[\0-\x03]\0\0 | \0\x04\0\0 )
      | \0\x08 \0[\0-\x18] (?: UL|CS|SH|LO|UI|DA|TM|OB ) )
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFormat:
    """One format.

    Parameters
    ----------
    kind
        Its name.
    start
        A verbose regular expression of its first bytes.
    suffixes
        Of file names, the usual one first.
    media_type
        As HTTP names it.
    """

    kind: str
    start: bytes
    suffixes: tuple[str, ...]
    media_type: str

    def begins(self, data: bytes) -> bool:
        """Return whether these are its first bytes."""
        return re.match(self.start, data, re.DOTALL | re.VERBOSE) is not None


FORMATS = (
    FileFormat(  # first, since its preamble may hold the magic number of another format
        kind=DICOM, start=rb".{128}DICM|" + _BARE_DICOM, suffixes=("dcm", "dicom"), media_type="application/dicom"
    ),
    FileFormat(kind="JPEG", start=rb"\xff\xd8\xff", suffixes=("jpg", "jpeg"), media_type="image/jpeg"),
    FileFormat(kind="PNG", start=rb"\x89PNG\r\n\x1a\n", suffixes=("png",), media_type="image/png"),
    FileFormat(kind="WebP", start=rb"RIFF.{4}WEBP", suffixes=("webp",), media_type="image/webp"),
    FileFormat(kind="TIFF", start=rb"II[*+]\0|MM\0[*+]", suffixes=("tif", "tiff"), media_type="image/tiff"),
    FileFormat(  # the size of its second header tells it from a text that begins with BM
        kind="BMP", start=rb"BM.{12}[\x0c(48@l|]\0{3}", suffixes=("bmp",), media_type="image/bmp"
    ),
)
"""Every format that is read."""

PICTURES = tuple(known.kind for known in FORMATS if known.kind != DICOM)
"""The formats that are not DICOM."""


def kind_of(data: bytes) -> str | None:
    """Name a film's format by its first bytes; None where it has none of these."""
    return next((known.kind for known in FORMATS if known.begins(data)), None)


def suffix_of(kind: str) -> str:
    """Return the usual suffix of a kind's files, '' where the kind is not known."""
    return next((known.suffixes[0] for known in FORMATS if known.kind == kind), "")
