"""What a client accepts (RFC 9110, 12.5.1, and PS3.18, 8.7.4 and 8.7.3): ranges of media types, each with a quality."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from lungwise.dicomweb.multipart import media_type, with_quoted_type
from lungwise.films.dicom.transfer_syntax import LITTLE_ENDIAN

DICOM, JSON, OCTETS = "application/dicom", "application/dicom+json", "application/octet-stream"
MULTIPART = "multipart/related"
AS_STORED = "*"
_LONGEST, _MOST = 4096, 64
"""Characters and media types of a header that are read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaRange:
    """One range of an Accept header, as `image/*;q=0.5`."""

    kind: str
    parameters: Mapping[str, str]
    quality: float

    def closeness(self, kind: str) -> int:
        """Return how closely the range names a media type: 3 for the type itself, 0 where it is another one."""
        names = (f"{kind.partition('/')[0]}/*", "*/*")
        return 3 if self.kind == kind else 2 - names.index(self.kind) if self.kind in names else 0


class Accept:
    """An Accept header."""

    def __init__(self, header: str) -> None:
        parsed = parse_accept_header(with_quoted_type(header[:_LONGEST]), MIMEAccept)
        self._ranges = [_range(name, quality) for name, quality in parsed[:_MOST]]

    def quality(self, kind: str) -> float:
        """Return how much the client likes a media type: the quality of the range that names it most closely, or 0."""
        closest = max(self._ranges, key=lambda one: (one.closeness(kind), one.quality), default=None)
        return closest.quality if closest is not None and closest.closeness(kind) else 0

    def syntaxes(self, kind: str) -> list[str]:
        """Return the transfer syntaxes in which the client takes a media type by itself, the dearest first."""
        return [_syntax(one) for one in self._liked() if one.kind == kind]

    def syntaxes_in_parts(self, kind: str) -> list[str]:
        """Return the transfer syntaxes in which the client takes parts of a media type, the dearest first."""
        return [_syntax(one) for one in self._liked() if _has_parts_of(one, kind)]

    def _liked(self) -> list[MediaRange]:
        return sorted((one for one in self._ranges if one.quality > 0), key=lambda one: -one.quality)


def _range(name: str, quality: float) -> MediaRange:
    kind, parameters = media_type(name)
    return MediaRange(kind=kind, parameters=parameters, quality=quality)


def _syntax(one: MediaRange) -> str:
    """Return the transfer syntax that a range names, or that of one that names none (PS3.18, 8.7.3.5).

    `AS_STORED` stands for any.
    """
    return one.parameters.get("transfer-syntax", LITTLE_ENDIAN)


def _has_parts_of(one: MediaRange, kind: str) -> bool:
    names = (kind, f"{kind.partition('/')[0]}/*", "*/*")
    return one.kind in (MULTIPART, "multipart/*", "*/*") and one.parameters.get("type", kind).lower() in names
