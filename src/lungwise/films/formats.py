"""The file formats of films, in one table: whoever takes a film, reads one or names one asks here.

The first bytes decide, never a file's name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lungwise.films.film import Film, Photographed

_DIB_HEADERS = {12, 40, 52, 56, 64, 108, 124}
_VALUE_REPRESENTATIONS = {b"UL", b"CS", b"SH", b"LO", b"UI", b"DA", b"TM", b"OB"}
_LONGEST_FIRST_ELEMENT = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFormat:
    """One format.

    Parameters
    ----------
    kind
        Its name.
    begins
        Whether these are its first bytes.
    suffixes
        Of file names, the usual one first.
    media_type
        As HTTP names it.
    open
        Decodes a file of it, where a camera took it, as a photograph of a film.
    """

    kind: str
    begins: Callable[[bytes], bool]
    suffixes: tuple[str, ...]
    media_type: str
    open: Callable[[bytes, Photographed | None], Film]


def format_of(data: bytes) -> FileFormat | None:
    """Tell a film's format by its first bytes; None where it has none of these."""
    return next((known for known in FORMATS if known.begins(data)), None)


def kind_of(data: bytes) -> str | None:
    """Name a film's format by its first bytes; None where it has none of these."""
    found = format_of(data)
    return found.kind if found else None


def suffix_of(kind: str) -> str:
    """Give the usual suffix of a kind's files, '' where the kind is not known."""
    return next((known.suffixes[0] for known in FORMATS if known.kind == kind), "")


def _is_dicom(data: bytes) -> bool:
    return data[128:132] == b"DICM" or _is_bare_dicom(data)


def _is_bare_dicom(data: bytes) -> bool:
    """Whether the file is DICOM without the preamble: it starts with a plausible element of group 2 or 8."""
    little = data[:2] in (b"\x02\0", b"\x08\0")
    if len(data) < 16 or not (little or data[:2] == b"\0\x08"):
        return False
    element = int.from_bytes(data[2:4], "little" if little else "big")
    length = int.from_bytes(data[4:8], "little")
    return element <= 0x0018 and (data[4:6] in _VALUE_REPRESENTATIONS or (little and length <= _LONGEST_FIRST_ELEMENT))


def _is_jpeg(data: bytes) -> bool:
    return data.startswith(b"\xff\xd8\xff")


def _is_png(data: bytes) -> bool:
    return data.startswith(b"\x89PNG\r\n\x1a\n")


def _is_webp(data: bytes) -> bool:
    return data.startswith(b"RIFF") and data[8:12] == b"WEBP"


def _is_tiff(data: bytes) -> bool:
    return data.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"))


def _is_bmp(data: bytes) -> bool:
    return data.startswith(b"BM") and int.from_bytes(data[14:18], "little") in _DIB_HEADERS


def _open_dicom(data: bytes, _photographed: Photographed | None) -> Film:
    from lungwise.films.dicom.open_dicom import open_dicom  # here, for a quick start where pictures are all that comes

    return open_dicom(data)


def _open_jpeg(data: bytes, photographed: Photographed | None) -> Film:
    return _open_picture(data, "JPEG", photographed)


def _open_png(data: bytes, photographed: Photographed | None) -> Film:
    return _open_picture(data, "PNG", photographed)


def _open_webp(data: bytes, photographed: Photographed | None) -> Film:
    return _open_picture(data, "WebP", photographed)


def _open_tiff(data: bytes, photographed: Photographed | None) -> Film:
    return _open_picture(data, "TIFF", photographed)


def _open_bmp(data: bytes, photographed: Photographed | None) -> Film:
    return _open_picture(data, "BMP", photographed)


def _open_picture(data: bytes, kind: str, photographed: Photographed | None) -> Film:
    from lungwise.films.picture import open_picture

    return open_picture(data, kind, photographed)


FORMATS = (
    FileFormat(
        kind="DICOM",  # first, for its preamble may hold another format's magic
        begins=_is_dicom,
        suffixes=("dcm", "dicom"),
        media_type="application/dicom",
        open=_open_dicom,
    ),
    FileFormat(kind="JPEG", begins=_is_jpeg, suffixes=("jpg", "jpeg"), media_type="image/jpeg", open=_open_jpeg),
    FileFormat(kind="PNG", begins=_is_png, suffixes=("png",), media_type="image/png", open=_open_png),
    FileFormat(kind="WebP", begins=_is_webp, suffixes=("webp",), media_type="image/webp", open=_open_webp),
    FileFormat(kind="TIFF", begins=_is_tiff, suffixes=("tif", "tiff"), media_type="image/tiff", open=_open_tiff),
    FileFormat(kind="BMP", begins=_is_bmp, suffixes=("bmp",), media_type="image/bmp", open=_open_bmp),
)
"""Every format that is read."""
