"""One HL7 v2 message: its bytes are parsed within limits, and only those segments that are used are looked at."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import hl7

from lungwise.hl7.text import CharacterSets, Separators, character_sets_of

USED_SEGMENTS: Final = ("MSH", "PID", "MRG", "PV1", "ORC", "OBR", "TQ1", "NTE", "IPC", "ZDS")
"""What may be read, kept and shown of a message; insurances, relatives and diagnoses never are."""
MOST_BYTES = 48_000
"""Of the segments that are used, together and in UTF-8: what a column of MySQL holds when it is encrypted."""
_MOST_SEGMENTS = 500
_MOST_HEADER = 4096
_NOT_IN_CHARACTER_SET = (
    "The text is not in the character set that MSH-18 names, or in the one that is set where it names none."
)
_CONTROL_ID = re.compile("[!-~]{1,199}")
_SEGMENT = re.compile("[A-Z][A-Z0-9]{2}")


class MessageError(Exception):
    """A message cannot be used, whoever sends it again; the sentence says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What the MSH segment says; `accepts` is MSH-15: whether the sender asks for the enhanced acknowledgement."""

    application: str = ""
    facility: str = ""
    receiving_application: str = ""
    receiving_facility: str = ""
    code: str = ""
    event: str = ""
    control_id: str = ""
    processing: str = ""
    version: str = ""
    accepts: str = ""

    @property
    def type(self) -> str:
        """The message's type, as ADT^A08."""
        return f"{self.code}^{self.event}" if self.event else self.code


class Segment:
    """One segment; what it does not hold is ''."""

    def __init__(self, segment: hl7.Segment, separators: Separators) -> None:
        self._segment = segment
        self._separators = separators

    @property
    def name(self) -> str:
        """The three letters that name it."""
        return str(self._segment[0])

    def text(self, field: int, component: int = 1, subcomponent: int = 1) -> str:
        """Return a part of the first repetition of a field, on one line."""
        first = next(iter(self.repetitions(field)), [])
        return part_of(first, component, subcomponent)

    def lines(self, field: int) -> str:
        """Return a free text with its line breaks, all repetitions of it."""
        texts = (part_of(one, 1, 1, one_line=False) for one in self.repetitions(field))
        return "\n".join(filter(None, texts))

    def repetitions(self, field: int) -> list[list[list[str]]]:
        """Return a field's repetitions, each as its components with their subcomponents."""
        if field >= len(self._segment):
            return []
        return [self._components(one) for one in self._segment[field]]

    def is_null(self, field: int) -> bool:
        """Return whether the sender says that a field has no value, which an empty one does not say."""
        return field < len(self._segment) and str(self._segment[field]) == '""'

    def _components(self, repetition: str | hl7.Repetition) -> list[list[str]]:
        if isinstance(repetition, str):
            return [[self._separators.unescape(repetition)]]
        return [self._subcomponents(one) for one in repetition]

    def _subcomponents(self, component: str | hl7.Component) -> list[str]:
        if isinstance(component, str):
            return [self._separators.unescape(component)]
        return [self._separators.unescape(str(one)) for one in component]


def part_of(
    components: Sequence[Sequence[str]], component: int, subcomponent: int = 1, *, one_line: bool = True
) -> str:
    """Return a part of a repetition, counted from one; HL7's null is '' too."""
    try:
        text = components[component - 1][subcomponent - 1]
    except IndexError:
        return ""
    if text == '""':
        return ""
    if one_line:
        return "".join(letter for letter in text if letter.isprintable()).strip()
    return "\n".join("".join(filter(str.isprintable, line)).rstrip() for line in text.split("\n")).strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message: its header, its used segments in their order, and their text as it is kept."""

    header: Header
    segments: tuple[Segment, ...]
    text: str

    def first(self, name: str) -> Segment:
        """Return the first segment of that name.

        Raises
        ------
        MessageError
            If there is none.
        """
        found = next((one for one in self.segments if one.name == name), None)
        if found is None:
            raise MessageError(f"The message has no {name} segment.")
        return found

    @property
    def content(self) -> str:
        """The text without the moment at which it was sent (MSH-7): the same for a message that is sent again."""
        head, _end, rest = self.text.partition("\r")
        fields = head.split(head[3])
        return "\r".join((head[3].join([*fields[:6], "", *fields[7:]]), rest))


def parse_header(data: bytes) -> Header:
    """Read a message's first segment, which is in ASCII as far as it matters.

    Raises
    ------
    MessageError
        If it is not the beginning of a message.
    """
    return _header(_first_segment(data))


def parse_message(data: bytes, character_set: str) -> Message:
    """Read a message; `character_set` is that of messages which name none.

    Raises
    ------
    MessageError
        If it cannot be read, or is larger than what is looked at.
    """
    sets = _character_sets(_first_segment(data), character_set)
    message = _message(_used(_decoded(data, sets)), sets)
    letters, (head, *lines) = _separators(message.text, sets), message.text.split("\r")
    if "\x1b" in head or not all(map(letters.is_known, lines)):
        raise MessageError(_NOT_IN_CHARACTER_SET)
    return message


def acknowledged(data: bytes) -> tuple[str, str]:
    """Read an acknowledgement: its code (MSA-1), and the control ID of the message that it answers (MSA-2).

    Raises
    ------
    MessageError
        If it is none.
    """
    _first_segment(data)
    text = data.decode("latin-1").replace("\n", "\r").strip("\r")
    line = next((one for one in text.split("\r") if one.startswith("MSA")), "")
    fields = line.split(text[3])
    if len(fields) < 3:
        raise MessageError("This is no acknowledgement.")
    return fields[1].strip(), fields[2].strip()


def message_of(text: str, character_set: str) -> Message:
    """Make a message of the text that was kept of one; `character_set` is that of messages which name none.

    Raises
    ------
    MessageError
        If it cannot be read.
    """
    return _message(text, _character_sets(_segment(text.partition("\r")[0]), character_set))


def _message(text: str, sets: CharacterSets) -> Message:
    separators = _separators(text, sets)
    parsed = hl7.parse(text)
    segments = tuple(Segment(one, separators) for one in parsed)
    return Message(header=_header(segments[0]), segments=segments, text=text)


def _first_segment(data: bytes) -> Segment:
    """Read the first segment, whose separators may also be among the bytes of a Japanese letter."""
    head = re.split(rb"[\r\n]", data.lstrip(b"\r\n"), maxsplit=1)[0][:_MOST_HEADER]
    return _segment(head.decode("iso2022_jp_2" if b"\x1b" in head else "latin-1", errors="replace"))


def _segment(head: str) -> Segment:
    separators = _separators(head)
    return Segment(hl7.parse(head)[0], separators)


def _character_sets(head: Segment, character_set: str) -> CharacterSets:
    """Read MSH-18, in whose place the default stands where its first name is left out."""
    first, *others = (part_of(one, 1) for one in head.repetitions(18) or [[]])
    sets = character_sets_of([first or character_set, *filter(None, others)])
    if sets is None:
        raise MessageError("The character set in MSH-18 is not one that is read. Send UNICODE UTF-8.")
    return sets


def _decoded(data: bytes, sets: CharacterSets) -> str:
    try:
        text = data.decode(sets.codec(data))
    except UnicodeDecodeError:
        raise MessageError(_NOT_IN_CHARACTER_SET) from None
    return text.replace("\r\n", "\r").replace("\n", "\r").strip("\r")


def _used(text: str) -> str:
    """Keep the segments that are used."""
    kept = [line for line in text.split("\r") if line[:3] in USED_SEGMENTS]
    if any(line.startswith("MSH") for line in kept[1:]):
        raise MessageError("There are several messages in one. Send each in a frame of its own.")
    if len(kept) > _MOST_SEGMENTS or len("\r".join(kept).encode()) > MOST_BYTES:
        raise MessageError("The message is too long.")
    if any(not _SEGMENT.fullmatch(line[:3]) or line[3:4] not in ("", text[3]) for line in kept):
        raise MessageError("A segment does not begin with its name and the field separator.")
    return "\r".join(line.rstrip() for line in kept)


def _separators(head: str, sets: CharacterSets | None = None) -> Separators:
    """Read MSH-1 and MSH-2: five letters that differ, none of which can be in a word."""
    field, others = head[3:4], head[4:].partition(head[3:4] or "|")[0]
    letters = field + others
    if (
        not head.startswith("MSH")
        or not 4 <= len(others) <= 5
        or len(set(letters)) != len(letters)
        or any(not "!" <= letter <= "~" or letter.isalnum() for letter in letters)
    ):
        raise MessageError("This is not an HL7 v2 message: it does not begin with MSH|^~\\&")
    component, repetition, escape, subcomponent = list(others[:4])
    return Separators(
        field=field,
        component=component,
        repetition=repetition,
        escape=escape,
        subcomponent=subcomponent,
        character_sets=sets or CharacterSets(),
    )


def _header(segment: Segment) -> Header:
    control_id = segment.text(10)
    if not _CONTROL_ID.fullmatch(control_id):
        raise MessageError("MSH-10 is empty, too long or not plain: nothing tells this message from others.")
    return Header(
        application=segment.text(3),
        facility=segment.text(4),
        receiving_application=segment.text(5),
        receiving_facility=segment.text(6),
        code=segment.text(9, 1),
        event=segment.text(9, 2),
        control_id=control_id,
        processing=segment.text(11),
        version=segment.text(12),
        accepts=segment.text(15),
    )
