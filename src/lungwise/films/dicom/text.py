"""The one decoder of a DICOM file's texts: character sets, code extensions and persons' names.

The rules are PS3.5, section 6.1.2 and 6.2, and PS3.3, C.12.1.1.2; the tables of character sets are pydicom's. Its
`decode_bytes` is not used: it warns of every odd text, through state that all threads share. Texts that break the
standard are read as they are most often meant: an escape sequence counts although its character set is not declared,
and without a declared one the text is UTF-8 if it can be, and otherwise Latin-1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from lungwise.films.dicom.elements import Elements

_CHARACTER_SET = 0x00080005
_MAX_BYTES = 1024
"""Bytes of a text that are read: more than any value representation of a name or a description may have."""
_JOINERS = "\u200c\u200d"
"""Characters without width that Hindi and Persian need."""
_NAME_DELIMITERS = b"\r\n\f\t^="


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonName:
    """A name in its three groups (PS3.5, 6.2.1), each as it is shown: parts in their order, without carets.

    `written` is the name as in the file, with carets.
    """

    alphabetic: str = ""
    ideographic: str = ""
    phonetic: str = ""
    written: str = field(default="", compare=False)

    def __str__(self) -> str:
        return self.alphabetic or self.ideographic or self.phonetic


class TextDecoder:
    """Decodes the texts of a file by the character sets that the file names."""

    def __init__(self, elements: Elements, codec: str = "", most_bytes: int = _MAX_BYTES) -> None:
        self._elements = elements
        self._most_bytes = most_bytes
        named = elements.texts(_CHARACTER_SET)
        self._first = _codec(named[0]) if named else codec

    def of_item(self, item: Elements) -> TextDecoder:
        """Return the decoder of an item's texts: it has the file's character set unless it names its own."""
        return TextDecoder(item, self._first, self._most_bytes)

    def __call__(self, tag: int) -> str:
        """Return an element's text, every value of it; '' where it is missing."""
        value = bytes(self._elements[tag].value[: self._most_bytes]) if tag in self._elements else b""
        if b"\x1b" not in value:
            return self._plain(value)
        # each escape sequence holds until the next, or until a delimiter
        return "".join(self._fragment(part) for part in re.findall(rb"^[^\x1b]+|\x1b[^\x1b]*", value))

    def line(self, tag: int) -> str:
        """Return an element's first value as one printable line, '' where it is missing."""
        return printable(self(tag).split("\\")[0])

    def name(self, tag: int) -> PersonName:
        """Return a person's name in its groups."""
        written = self.line(tag)
        alphabetic, ideographic, phonetic = map(without_carets, f"{written}==".split("=")[:3])
        return PersonName(alphabetic=alphabetic, ideographic=ideographic, phonetic=phonetic, written=written)

    def _plain(self, value: bytes) -> str:
        for codec in filter(None, (self._first, "utf-8")):  # many write UTF-8 and do not declare it
            try:
                return value.decode(codec)
            except UnicodeDecodeError:
                continue
        return value.decode(self._first if self._first not in ("", "UTF8") else "latin-1", errors="replace")

    def _fragment(self, part: bytes) -> str:
        from pydicom import charset  # here, since it loads slowly and few films need it

        if not part.startswith(b"\x1b"):
            return self._plain(part)
        length = 4 if part.startswith((b"\x1b$(", b"\x1b$)")) else 3
        codec, rest = charset.CODES_TO_ENCODINGS.get(part[:length]), part[length:]
        if codec is None:
            return self._plain(rest)
        if codec in charset.handled_encodings:  # Python's codec needs the escape sequence and knows delimiters
            return part.decode(codec, errors="replace")
        end = next((at for at, byte in enumerate(rest) if byte in _NAME_DELIMITERS), len(rest))
        return rest[:end].decode(codec, errors="replace") + self._plain(rest[end:])


def without_carets(name: str) -> str:
    """Write a person's name, or one group of it, as it is shown: its parts in their order, with spaces between."""
    return " ".join(name.replace("^", " ").split())


def printable(text: str) -> str:
    """Keep what can be written on one line: no control characters, none that turn the direction of writing."""
    return "".join(letter for letter in text if letter.isprintable() or letter in _JOINERS).strip()


def _codec(name: str) -> str:
    """Return Python's codec of a character set, however spelt; '' for the default one and for an unknown one."""
    if re.fullmatch(r"(ISO[ _-]?(2022[ _-])?IR[ _-]?6)?", name):
        return ""
    from pydicom.charset import python_encoding

    corrected = re.sub(r"^ISO[ _-]2022[ _-]IR[ _-]?", "ISO 2022 IR ", name)
    return python_encoding.get(re.sub(r"^ISO[ _-]?IR[ _-]?", "ISO_IR ", corrected), "")
