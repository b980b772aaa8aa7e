"""A study's report as PDF."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from xml.sax.saxutils import escape

from PIL import Image as PillowImage
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import getFont, registerFont
from reportlab.pdfbase.ttfonts import TTFError, TTFont
from reportlab.platypus import Flowable, HRFlowable, Image, KeepTogether, Paragraph, SimpleDocTemplate, Spacer, Table

_GREY, _INK = HexColor("#5a6570"), HexColor("#16202a")
_MARGIN = 18 * mm
_WIDTH = A4[0] - 2 * _MARGIN - 12
"""Of the text: between the margins, and the six points that a frame keeps free on both sides."""
_WHOLE = ((0, 0), (-1, -1))
"""All cells of a table."""
_OWN = "Helvetica"
_FONT_FILES = (
    "/usr/share/fonts/truetype/noto/NotoSansDevanagari-Regular.ttf",
    "/usr/share/fonts/truetype/lohit-devanagari/Lohit-Devanagari.ttf",
    "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
    "C:/Windows/Fonts/Nirmala.ttf",
    "/System/Library/Fonts/Supplemental/Arial Unicode.ttf",
)


@dataclass(frozen=True, slots=True)
class FilmPart:
    """One film of the report: its two pictures and the lines beneath them."""

    title: str
    pictures: Sequence[PillowImage.Image]
    lines: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class ReportText:
    """Everything the report says, in the reader's language."""

    title: str
    clinic: str
    facts: Sequence[tuple[str, str]]
    verdict: str
    meaning: str
    films: Sequence[FilmPart]
    opinions_title: str
    opinions: Sequence[tuple[str, str]]
    limits: str
    signature: str


def report_pdf(report: ReportText, font_file: Path | None) -> bytes:
    """Write the report on A4. The same report gives the same bytes."""
    out = io.BytesIO()
    font = _font(_everything(report), font_file)
    document = SimpleDocTemplate(
        out,
        pagesize=A4,
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=16 * mm,
        bottomMargin=16 * mm,
        title=report.title,
        author=report.clinic,
        invariant=1,
    )
    document.build(_story(report, font))
    return out.getvalue()


def _story(report: ReportText, font: str) -> list[Flowable]:
    small = ParagraphStyle("small", fontName=font, fontSize=8.5, leading=12, textColor=_GREY)
    body = ParagraphStyle("body", fontName=font, fontSize=10, leading=14, textColor=_INK)
    large = ParagraphStyle("large", parent=body, fontSize=17, leading=23)
    title = ParagraphStyle("title", parent=body, fontSize=12, leading=16, spaceBefore=8, spaceAfter=3)
    story: list[Flowable] = [
        _text(report.clinic, small),
        _text(report.title, large),
        _rule(),
        _rows(report.facts, small, body),
        Spacer(1, 4 * mm),
        _text(report.verdict, large),
        _text(report.meaning, body),
    ]
    for film in report.films:
        parts: list[Flowable] = [_text(film.title, title)]
        if film.pictures:
            parts += [_side_by_side(film.pictures), Spacer(1, 2 * mm)]
        story.append(KeepTogether([*parts, _rows(film.lines, small, body)]))
    if report.opinions:
        story += [_text(report.opinions_title, title), _rows(report.opinions, small, body)]
    signature = [
        Spacer(1, 16 * mm),
        HRFlowable(width=80 * mm, hAlign="LEFT", color=_INK),
        _text(report.signature, small),
    ]
    return [*story, _rule(), _text(report.limits, small), KeepTogether(signature)]


def _text(text: str, style: ParagraphStyle) -> Paragraph:
    return Paragraph(escape(text).replace("\n", "<br/>"), style)


def _rule() -> HRFlowable:
    return HRFlowable(width="100%", color=HexColor("#c9d0d6"), spaceBefore=6, spaceAfter=6)


def _rows(rows: Sequence[tuple[str, str]], small: ParagraphStyle, body: ParagraphStyle) -> Table:
    cells = [[_text(name, small), _text(value, body)] for name, value in rows] or [["", ""]]
    table = Table(cells, colWidths=[42 * mm, _WIDTH - 42 * mm], hAlign="LEFT")
    table.setStyle([("VALIGN", *_WHOLE, "TOP"), *((f"{side}PADDING", *_WHOLE, 1.5) for side in ("TOP", "BOTTOM"))])
    table.setStyle([("LEFTPADDING", (0, 0), (0, -1), 0)])
    return table


def _side_by_side(pictures: Sequence[PillowImage.Image]) -> Table:
    width = _WIDTH / 2 - 1.5 * mm
    cells = []
    for picture in pictures:
        data = io.BytesIO()
        picture.convert("RGB").save(data, "JPEG", quality=85)
        data.seek(0)
        scale = min(width / picture.width, 82 * mm / picture.height)
        cells.append(Image(data, picture.width * scale, picture.height * scale))
    table = Table([cells], colWidths=[_WIDTH / 2] * len(cells), hAlign="LEFT")
    table.setStyle([(f"{side}PADDING", *_WHOLE, 0) for side in ("LEFT", "RIGHT", "TOP", "BOTTOM")])
    return table


def _everything(report: ReportText) -> str:
    rows = [*report.facts, *report.opinions, *(line for film in report.films for line in film.lines)]
    plain = [report.title, report.clinic, report.verdict, report.meaning, report.limits, report.signature]
    return "".join([*plain, *(part for row in rows for part in row)])


def can_write(text: str, font_file: Path | None) -> bool:
    """Say whether one of this machine's fonts has every letter of a text."""
    return _lacking(_font(text, font_file), text) == 0


def _font(text: str, font_file: Path | None) -> str:
    """Choose the font that lacks the fewest letters of a text: PDF's own Helvetica where that lacks none."""
    if _lacking(_OWN, text) == 0:
        return _OWN
    files = [path for path in (font_file, *map(Path, _FONT_FILES)) if path and path.is_file()]
    fonts = [name for name in map(_registered, files) if name]
    return min([*fonts, _OWN], key=lambda font: _lacking(font, text))


def _lacking(font: str, text: str) -> int:
    letters = set(text) - {"\n"}
    if font == _OWN:
        return sum(not letter.encode("cp1252", errors="ignore") for letter in letters)
    return sum(ord(letter) not in getFont(font).face.charToGlyph for letter in letters)


@cache
def _registered(path: Path) -> str | None:
    try:
        registerFont(TTFont(path.stem, str(path)))
    except TTFError:
        return None
    return path.stem
