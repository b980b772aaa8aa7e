"""Files of an upload that are not new films: what lies beside films on a disc, in a folder or in a ZIP."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath

_LONGEST_NAME = 80
_ON_EVERY_DISC = {"autorun.inf", "desktop.ini", "thumbs.db", "ehthumbs.db", "lockfile", "readme", "version"}
_SUFFIXES_ON_EVERY_DISC = {
    ".txt", ".xml", ".inf", ".ini", ".htm", ".html", ".css", ".js",
    ".exe", ".dll", ".jar", ".bat", ".ico", ".lnk", ".url",
}  # fmt: skip


class SkipReason(StrEnum):
    """Why a file of an upload is not a new film."""

    NOT_A_FILM = "no-film"
    TOO_LARGE = "too-large"
    DAMAGED = "damaged"
    OWN_RESULT = "own-result"
    ALREADY_HERE = "already-here"
    KEPT_ASIDE = "kept-aside"


@dataclass(frozen=True, slots=True, kw_only=True)
class SkippedFile:
    """One file of an upload that is not a new film; `study` has the film where it is known."""

    name: str
    reason: SkipReason
    study: str = ""


def is_ignored(name: str) -> bool:
    """Return whether a file is ignored unread: hidden files, and the directory of a DICOM disc."""
    path = PurePosixPath(name.replace("\\", "/"))
    return any(part.startswith((".", "__MACOSX")) for part in path.parts) or path.name.upper() == "DICOMDIR"


def is_on_every_disc(name: str) -> bool:
    """Return whether every disc has a file, or every folder of a system, so that it need not be reported."""
    path = PurePosixPath(name.replace("\\", "/").casefold())
    return path.name in _ON_EVERY_DISC or path.suffix in _SUFFIXES_ON_EVERY_DISC


ON_EVERY_DISC = _ON_EVERY_DISC | _SUFFIXES_ON_EVERY_DISC | {"dicomdir"}
"""Names and suffixes, in lower case, that a page need not send."""


def readable_name(name: str) -> str:
    """Return a file's name without its folders, as it can be shown: bytes that are not text become a sign for that."""
    last = re.split(r"[/\\]", name.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))[-1]
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in last)[:_LONGEST_NAME]


def name_in_zip(name: str, *, is_utf_8: bool) -> str:
    """Return the name of a ZIP's member, whose bytes may be UTF-8, Latin-1 or DOS's own without saying so."""
    if is_utf_8 or name.isascii():
        return name
    written = name.encode("cp437", "replace")
    try:
        return written.decode("utf-8")
    except UnicodeDecodeError:
        is_of_dos = any(0x80 <= byte < 0xA0 for byte in written)  # control characters in Latin-1
        return name if is_of_dos else written.decode("latin-1")
