"""The texts of a message: the character set that it names in MSH-18, and HL7's escape sequences (chapter 2.7).

The library's own `unescape` is not used: it writes what it cannot read into the log, with the patient's name, and
takes the two bytes of a UTF-8 letter for two letters.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from lungwise.settings.checks import HL7_CHARACTER_SETS

_HEX = re.compile("X(?:[0-9A-Fa-f]{2})+")
_LINE_BREAKS = (".br", ".sp", ".ce")
_SWITCH = re.compile("[CM](?:[0-9A-Fa-f]{2}){2,3}")
"""HL7's own sequences that change the character set, which are not read."""
_ESCAPE = "\x1b"
"""What begins a sequence of ISO 2022 that changes the character set."""
_COMMON_SPELLINGS = {
    "UTF-8": "UTF8", "UNICODEUTF8": "UTF8", "ISOIR192": "UTF8", "ISO88591": "88591", "ISOIR6": "ASCII",
}  # fmt: skip


def codec_of(name: str) -> str | None:
    """Return Python's codec of a character set, however spelt; None for one that is not read."""
    plain = _plain(name)
    known = {_plain(one): codec for one, codec in HL7_CHARACTER_SETS.items()} | {"UTF8": "utf-8"}
    return known.get(_COMMON_SPELLINGS.get(plain, plain))


@dataclass(frozen=True, slots=True, kw_only=True)
class CharacterSets:
    """Python's codecs of a message: of plain text, and of text with escape sequences of ISO 2022; '' of none."""

    plain: str = "utf-8"
    switched: str = ""

    def codec(self, data: bytes) -> str:
        """Return the codec of these bytes; one that knows no escape sequences leaves them in the text."""
        return self.switched or self.plain if _ESCAPE.encode() in data else self.plain


def character_sets_of(names: Sequence[str]) -> CharacterSets | None:
    """Return the codecs of the character sets that MSH-18 names; None where one of them is not read.

    The text begins in the first, and escape sequences lead to the others and back.
    """
    known = [codec for codec in map(codec_of, names) if codec]
    if len(known) < len(names):
        return None
    of_iso_2022 = [codec for codec in known if codec.startswith("iso2022")]
    return CharacterSets(plain=known[0], switched=max(of_iso_2022, key=len, default=""))  # the longer name knows more


def _plain(name: str) -> str:
    return "".join(letter for letter in name.upper() if letter.isalnum())


@dataclass(frozen=True, slots=True, kw_only=True)
class Separators:
    """The letters that part a message (MSH-1 and MSH-2), and its character set."""

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"
    character_sets: CharacterSets = CharacterSets()

    def is_known(self, text: str) -> bool:
        """Return whether nothing in a text leads to a character set that is not read."""
        switches = any(_SWITCH.fullmatch(part) for part in text.split(self.escape)[1::2])
        return not switches and _ESCAPE not in self.unescape(text)

    def unescape(self, text: str) -> str:
        """Write a text as it is meant; an escape sequence that says nothing to us goes."""
        if self.escape not in text:
            return text
        parts = text.split(self.escape)
        if len(parts) % 2 == 0:  # the last one never ends: it is no sequence
            parts[-2:] = [parts[-2] + self.escape + parts[-1]]
        return "".join(self._meant(part) if number % 2 else part for number, part in enumerate(parts))

    def escaped(self, text: str) -> str:
        """Write a text so that none of its letters parts the message."""
        marks = {
            self.escape: "E", self.field: "F", self.component: "S", self.repetition: "R", self.subcomponent: "T",
        }  # fmt: skip
        lines = text.replace("\r\n", "\n").replace("\r", "\n")
        return "".join(
            f"{self.escape}{marks[letter]}{self.escape}"
            if letter in marks
            else f"{self.escape}.br{self.escape}"
            if letter == "\n"
            else letter
            for letter in lines
            if letter == "\n" or letter.isprintable()
        )

    def _meant(self, sequence: str) -> str:
        named = {
            "E": self.escape, "F": self.field, "S": self.component, "R": self.repetition, "T": self.subcomponent,
        }  # fmt: skip
        if sequence in named:
            return named[sequence]
        if _HEX.fullmatch(sequence):
            data = bytes.fromhex(sequence[1:])
            return data.decode(self.character_sets.codec(data), errors="replace")
        return "\n" if sequence[:3] in _LINE_BREAKS else ""
