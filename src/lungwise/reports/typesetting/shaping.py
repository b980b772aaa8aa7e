"""From letters to glyphs in their places: fonts letter by letter, directions, HarfBuzz, lines."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

import uharfbuzz as hb

from lungwise.reports.typesetting.bidi import in_visual_order, is_right_to_left, levels
from lungwise.reports.typesetting.typefaces import Typeface, Typefaces, writable
from lungwise.text_direction import ISOLATE_MARKS

_JOINERS = "\u200c\u200d"
_SEAMS = 2.0
"""What kerning between a line's words may add up to, in em."""
_SHORT = 32
"""Letters of a word whose width is worth remembering."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Glyph:
    """A glyph in its place.

    Parameters
    ----------
    number
        The glyph's in its typeface.
    text
        The letters that it stands for; those of several glyphs stand with one of them.
    x, y
        Its place, in em from the line's beginning and baseline.
    """

    number: int
    text: str
    x: float
    y: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Letters that belong together, their glyphs from left to right, and where the next cluster begins, in em."""

    text: str
    glyphs: tuple[Glyph, ...]
    end: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Letters of one direction in one typeface, as clusters from left to right."""

    text: str
    typeface: Typeface
    is_backwards: bool
    clusters: tuple[Cluster, ...]

    @property
    def end(self) -> float:
        """Where the next run begins, in em."""
        return self.clusters[-1].end


@dataclass(frozen=True, slots=True)
class _Span:
    text: str
    typeface: Typeface
    is_backwards: bool


def lines(text: str, width: float, typefaces: Typefaces) -> list[tuple[Run, ...]]:
    """Break a text into lines that are at most so many em wide; each is its runs from left to right."""
    found = []
    for paragraph in writable(text).split("\n"):
        base = int(is_right_to_left(paragraph))
        found += [line(part, base, typefaces) for part in _broken(paragraph, width, typefaces)]
    return found


def line(text: str, base: int, typefaces: Typefaces) -> tuple[Run, ...]:
    """Shape one line of a paragraph that runs to the right (base 0) or to the left (1)."""
    runs: list[Run] = []
    for span in _spans(text, base, typefaces):
        runs.append(_shaped(span, runs[-1].end if runs else 0.0))
    return tuple(runs)


def _spans(text: str, base: int, typefaces: Typefaces) -> Iterator[_Span]:
    """Give the spans of one direction and typeface from left to right; what marks isolates has served then."""
    first = typefaces.of(text[:1] or " ", None)
    if first and base == 0 and text.isascii() and first.letters.issuperset(map(ord, text)):
        if text:
            yield _Span(text, first, is_backwards=False)
        return
    faces, found = _faces(text, typefaces), levels(text, base)
    seen = (at for at, letter in enumerate(text) if letter not in ISOLATE_MARKS)
    kinds = groupby(seen, lambda at: (found[at], faces[at]))
    spans = [(level, face, list(places)) for (level, face), places in kinds]
    for at in in_visual_order([level for level, _face, _places in spans]):
        level, face, places = spans[at]
        yield _Span("".join(text[at] for at in places), face, bool(level % 2))


def _faces(text: str, typefaces: Typefaces) -> list[Typeface]:
    """Choose each letter's typeface; marks and joiners keep that of the letter they belong to."""
    found: list[Typeface] = []
    for letter in text:
        before = found[-1] if found else None
        found.append(_face(letter, before, typefaces))
    return found


def _face(letter: str, before: Typeface | None, typefaces: Typefaces) -> Typeface:
    belongs = letter in _JOINERS or unicodedata.category(letter).startswith("M")
    if before and belongs and (letter in _JOINERS or ord(letter) in before.letters):
        return before
    found = typefaces.of(letter, before) or before or typefaces.of(" ", None)
    if found is None:
        raise LookupError("the fonts that are shipped are missing")
    return found


def _shaped(span: _Span, x: float) -> Run:
    buffer = hb.Buffer()
    buffer.add_str(span.text)
    buffer.guess_segment_properties()
    buffer.direction = "rtl" if span.is_backwards else "ltr"
    hb.shape(span.typeface.font, buffer, {})
    clusters, ends = [], _ends(span.text, buffer)
    for start, members in groupby(_glyphs(buffer), lambda member: member[0].cluster):
        cluster = _cluster(span.text[start : ends[start]], list(members), x, span.typeface.upem)
        clusters.append(cluster)
        x = cluster.end
    return Run(text=span.text, typeface=span.typeface, is_backwards=span.is_backwards, clusters=tuple(clusters))


def _glyphs(buffer: hb.Buffer) -> Iterator[tuple[hb.GlyphInfo, hb.GlyphPosition]]:
    return zip(buffer.glyph_infos, buffer.glyph_positions, strict=True)


def _ends(text: str, buffer: hb.Buffer) -> dict[int, int]:
    """Return where the letters of each cluster end, by where they begin."""
    starts = sorted({info.cluster for info in buffer.glyph_infos})
    return dict(zip(starts, [*starts[1:], len(text)], strict=True))


def _cluster(text: str, members: Sequence[tuple[hb.GlyphInfo, hb.GlyphPosition]], x: float, upem: int) -> Cluster:
    """Place the glyphs of a cluster; its letters stand with the first that is not raised."""
    holds = min(range(len(members)), key=lambda n: (bool(members[n][1].y_offset), n))
    glyphs = []
    for n, (info, place) in enumerate(members):
        at, up = x + place.x_offset / upem, place.y_offset / upem
        glyphs.append(Glyph(number=info.codepoint, text=text if n == holds else "", x=at, y=up))
        x += place.x_advance / upem
    return Cluster(text=text, glyphs=tuple(glyphs), end=x)


def _broken(text: str, width: float, typefaces: Typefaces) -> Iterator[str]:
    """Break a paragraph where a line is full: after a space or between ideographs, else within a word."""
    kept, about = "", 0.0
    for word in _words(text):
        of_word = _word_width(word, typefaces)
        about += of_word
        # Shaping the whole line for each of its words is needed only where it may be full.
        if about < width - _SEAMS or _width(kept + word.rstrip(), typefaces) <= width:
            kept += word
            continue
        if kept:
            yield kept.rstrip()
        kept, about = word, of_word
        while _width(kept.rstrip(), typefaces) > width and len(kept) > 1:
            part = _fitting(kept, width, typefaces)
            yield part
            kept = kept[len(part) :]
    yield kept.rstrip()


def _words(text: str) -> Iterator[str]:
    """Give the parts between which a line may end; the spaces after a word belong to it."""
    word = ""
    for letter in text:
        ends = word[-1:] == " " or _is_ideograph(letter) or _is_ideograph(word[-1:])
        if word and ends and letter != " ":
            yield word
            word = ""
        word += letter
    if word:
        yield word


def _fitting(word: str, width: float, typefaces: Typefaces) -> str:
    """Return as much of a word as fits, and at least one letter with its marks."""
    ends = [at for at in range(1, len(word)) if not unicodedata.category(word[at]).startswith("M")]
    fitting = [at for at in ends if _width(word[:at], typefaces) <= width]
    return word[: max(fitting, default=ends[0] if ends else len(word))]


def _word_width(word: str, typefaces: Typefaces) -> float:
    return (_short_width if len(word) <= _SHORT else _width)(word, typefaces)


@lru_cache(maxsize=2048)
def _short_width(word: str, typefaces: Typefaces) -> float:
    """Remember a word's width: a report says the same words again and again, and so does the next one."""
    return _width(word, typefaces)


def _width(text: str, typefaces: Typefaces) -> float:
    runs = line(text, int(is_right_to_left(text)), typefaces)
    return runs[-1].end if runs else 0.0


def _is_ideograph(letter: str) -> bool:
    return "\u2e80" <= letter <= "\u9fff" or "\uf900" <= letter <= "\ufaff" or letter >= "\U00020000"
