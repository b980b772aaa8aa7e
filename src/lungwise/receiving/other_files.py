"""What lies beside films on a disc, in a folder or in a ZIP, and how it is said to whoever sent it."""

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


class Why(StrEnum):
    """Why a file of an upload is no new film of it."""

    NO_FILM = "no-film"
    TOO_LARGE = "too-large"
    DAMAGED = "damaged"
    OWN_RESULT = "own-result"
    ALREADY_HERE = "already-here"
    KEPT_ASIDE = "kept-aside"


@dataclass(frozen=True, slots=True, kw_only=True)
class NotTaken:
    """One file of an upload that is no new film; `study` is where the film is that it was already."""

    name: str
    why: Why
    study: str = ""


def is_passed_over(name: str) -> bool:
    """Say whether a file is passed over unread: hidden ones, and the directory of a DICOM disc."""
    path = PurePosixPath(name.replace("\\", "/"))
    return any(part.startswith((".", "__MACOSX")) for part in path.parts) or path.name.upper() == "DICOMDIR"


def is_on_every_disc(name: str) -> bool:
    """Say whether a file that is no film needs no word: every disc has it, or every folder of a system."""
    path = PurePosixPath(name.replace("\\", "/").casefold())
    return path.name in _ON_EVERY_DISC or path.suffix in _SUFFIXES_ON_EVERY_DISC


ON_EVERY_DISC = _ON_EVERY_DISC | _SUFFIXES_ON_EVERY_DISC | {"dicomdir"}
"""Names and suffixes, in small letters, that a page need not send."""


def readable_name(name: str) -> str:
    """Give a file's name without its folders, as it can be shown: bytes that are no text become a sign for that."""
    last = re.split(r"[/\\]", name.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))[-1]
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in last)[:_LONGEST_NAME]


def name_in_zip(name: str, *, is_utf_8: bool) -> str:
    """Give the name of a ZIP's member, whose bytes may be UTF-8, Latin-1 or DOS's own without a word about it."""
    if is_utf_8 or name.isascii():
        return name
    written = name.encode("cp437", "replace")
    try:
        return written.decode("utf-8")
    except UnicodeDecodeError:
        is_of_dos = any(0x80 <= byte < 0xA0 for byte in written)  # control characters in Latin-1
        return name if is_of_dos else written.decode("latin-1")
