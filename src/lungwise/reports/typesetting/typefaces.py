"""The fonts of the reports: those shipped, the clinic's own, and what this machine has for rarer scripts."""

from __future__ import annotations

import lzma
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Final

import uharfbuzz as hb

from lungwise.text_direction import ISOLATE_MARKS

FOLDER: Final = Path(str(resources.files("lungwise") / "reports" / "fonts"))
"""Made by `bin/fonts`."""
_FIRST: Final = FOLDER / "NotoSans.ttf.xz"
_ON_THIS_MACHINE: Final = (
    "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
    "/usr/share/fonts/truetype/nanum/NanumGothic.ttf",
    "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc",
    "/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf",
    "C:/Windows/Fonts/malgun.ttf",
    "C:/Windows/Fonts/msyh.ttc",
    "C:/Windows/Fonts/Nirmala.ttf",
    "/System/Library/Fonts/Supplemental/Arial Unicode.ttf",
)
_JOINERS: Final = "\u200c\u200d"
"""Steer how letters of Indian scripts join; all other invisible signs are left out."""


@dataclass(frozen=True, slots=True, eq=False)
class Typeface:
    """A font that can be embedded: with TrueType outlines."""

    name: str
    font: hb.Font
    letters: frozenset[int]

    @property
    def upem(self) -> int:
        """Units of one em."""
        return int(self.font.face.upem)


class Typefaces:
    """Finds a typeface for each letter.

    Parameters
    ----------
    own
        The clinic's own font, asked after the first of those shipped.
    """

    def __init__(self, own: Path | None = None) -> None:
        shipped = sorted((path for path in FOLDER.glob("*.xz") if path != _FIRST), key=_size)
        self._files = (_FIRST, *([own] if own else []), *shipped, *map(Path, _ON_THIS_MACHINE))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Typefaces) and self._files == other._files

    def __hash__(self) -> int:
        return hash(self._files)

    def of(self, letter: str, before: Typeface | None) -> Typeface | None:
        """Return the typeface of a letter: that of the letter before where it has both, else the first that has it."""
        if before and ord(letter) in before.letters and not _is_latin(letter):
            return before
        return next((known for known in self._all() if ord(letter) in known.letters), None)

    def lacking(self, text: str) -> str:
        """Return the letters of a text that no typeface has, each once."""
        letters = dict.fromkeys(letter for letter in writable(text) if letter not in f"\n{_JOINERS}{ISOLATE_MARKS}")
        return "".join(letter for letter in letters if self.of(letter, None) is None)

    def _all(self) -> Iterator[Typeface]:
        return filter(None, map(_opened, self._files))


def is_font(file: Path) -> bool:
    """Return whether a file is there and is a font that reports can be written with."""
    return _opened(file) is not None


def writable(text: str) -> str:
    """Leave out what is not seen: controls, marks of direction but for those of isolates, variation selectors."""
    return "".join(letter for letter in text if letter in f"\n{_JOINERS}{ISOLATE_MARKS}" or not _is_invisible(letter))


def _is_invisible(letter: str) -> bool:
    return unicodedata.category(letter) in ("Cc", "Cf", "Zl", "Zp") or "\ufe00" <= letter <= "\ufe0f"


def _is_latin(letter: str) -> bool:
    """Return whether a letter looks best in the first typeface, whatever stands around it."""
    return letter.isascii() and letter.isalnum()


def _size(path: Path) -> int:
    return path.stat().st_size


@cache
def _opened(path: Path) -> Typeface | None:
    if not path.is_file():
        return None
    try:
        data = lzma.decompress(path.read_bytes()) if path.suffix == ".xz" else path.read_bytes()
    except (OSError, lzma.LZMAError):
        return None
    face = hb.Face(hb.Blob(data))
    if "glyf" not in face.table_tags:  # no font, or one with outlines that are embedded in another way
        return None
    return Typeface(path.name.split(".")[0], hb.Font(face), frozenset(face.unicodes))
