"""A paragraph on a page, for ReportLab's layout."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from reportlab.lib.styles import ParagraphStyle
from reportlab.platypus import Flowable

from lungwise.reports.typesetting.embedding import EmbeddedFonts
from lungwise.reports.typesetting.shaping import Cluster, Glyph, Run, lines
from lungwise.reports.typesetting.typefaces import Typefaces


class Typesetter:
    """Makes the paragraphs of one document, in fonts that are chosen letter by letter."""

    def __init__(self, typefaces: Typefaces) -> None:
        self.typefaces = typefaces
        self.fonts = EmbeddedFonts()

    def paragraph(self, text: str, style: ParagraphStyle) -> TypesetParagraph:
        """Make a paragraph of plain text; a line break in it begins a new line."""
        return TypesetParagraph(text, style, self)


class TypesetParagraph(Flowable):  # type: ignore[misc]
    """Plain text in any script, in one size and colour; where a page divides it, the lines of that page."""

    def __init__(
        self, text: str, style: ParagraphStyle, typesetter: Typesetter, part: Sequence[tuple[Run, ...]] | None = None
    ) -> None:
        super().__init__()
        self.style = style
        self._text = text
        self._typesetter = typesetter
        self._lines = list(part or ())
        self._broken_for: float | None = None
        self._is_part = part is not None

    def wrap(self, width: float, _height: float) -> tuple[float, float]:
        """Break the text into lines for a width; return what it takes."""
        if not self._is_part and width != self._broken_for:
            self._lines = lines(self._text, width / self.style.fontSize, self._typesetter.typefaces)
            self._broken_for = width
        self.width, self.height = width, len(self._lines) * self.style.leading
        return self.width, self.height

    def split(self, width: float, height: float) -> list[Flowable]:
        """Divide the lines where a page ends."""
        self.wrap(width, height)
        fitting = int(height // self.style.leading)
        if fitting < 1 or fitting >= len(self._lines):
            return []
        parts = self._lines[:fitting], self._lines[fitting:]
        return [TypesetParagraph("", self.style, self._typesetter, part) for part in parts]

    def draw(self) -> None:
        """Write the lines, the first at the top."""
        style, y = self.style, self.height
        self.canv.setFillColor(style.textColor)
        for line in self._lines:
            y -= style.leading
            self._write(line, y + style.leading - style.fontSize)

    def _write(self, line: tuple[Run, ...], y: float) -> None:
        for run in line:
            font = self._typesetter.fonts.name(run.typeface, self.canv._doc)
            shown = " ".join(self._shown(run, piece, y) for piece in _pieces(run))
            self.canv._code.append(f"BT /{font} {self.style.fontSize:g} Tf {shown} ET")

    def _shown(self, run: Run, piece: Cluster, y: float) -> str:
        """Write glyphs, those that are raised last: whoever reads the file takes another height for another line."""
        level = [glyph for glyph in piece.glyphs if not glyph.y]
        raised = [self._placed(run, [glyph], piece.end, y) for glyph in piece.glyphs if glyph.y]
        shown = " ".join([self._placed(run, level, piece.end, y), *raised] if level else raised)
        return f"/Span <</ActualText <{_coded(piece.text)}>>> BDC {shown} EMC" if piece.text else shown

    def _placed(self, run: Run, glyphs: Sequence[Glyph], end: float, y: float) -> str:
        """Write glyphs at one height; how far one goes back for the next is said in thousandths of an em."""
        size, parts, pen = self.style.fontSize, [], round(glyphs[0].x * 1000)
        for glyph, after in zip(glyphs, [*(glyph.x for glyph in glyphs[1:]), end], strict=True):
            place = round(glyph.x * 1000)
            back = f"{pen - place} " if pen != place else ""
            pen = max(place, round(after * 1000))
            parts.append(f"{back}<{self._typesetter.fonts.code(run.typeface, glyph, pen - place):04X}>")
        text = " ".join(parts).replace("> <", "")
        return f"1 0 0 1 {glyphs[0].x * size:.3f} {y + glyphs[0].y * size:.3f} Tm [{text}] TJ"


def _pieces(run: Run) -> Iterator[Cluster]:
    """Give what is written at once; it has a text where its glyphs alone do not tell the letters in their order.

    The letters of Arabic and Hebrew are given in the order in which they stand: who reads the file turns them round.
    """
    if run.is_backwards:
        yield _joined(run.clusters, run.text[::-1])
        return
    for is_simple, clusters in groupby(run.clusters, lambda cluster: len(cluster.glyphs) == 1):
        if is_simple:
            yield _joined(list(clusters), "")
        else:
            yield from clusters


def _joined(clusters: Sequence[Cluster], text: str) -> Cluster:
    glyphs = tuple(glyph for cluster in clusters for glyph in cluster.glyphs)
    return Cluster(text=text, glyphs=glyphs, end=clusters[-1].end)


def _coded(text: str) -> str:
    return (b"\xfe\xff" + text.encode("utf-16-be")).hex().upper()
