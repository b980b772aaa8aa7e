"""A study's report as PDF."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import partial

from PIL import Image as PillowImage
from reportlab import rl_config
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, HRFlowable, Image, KeepTogether, SimpleDocTemplate, Spacer, Table

from lungwise.films.refusals import N_, Words
from lungwise.reports.report import FilmReport, Report
from lungwise.reports.typesetting.paragraph import Typesetter
from lungwise.reports.typesetting.running_line import FOOT, CanvasWithRunningLine
from lungwise.reports.typesetting.typefaces import Typefaces
from lungwise.studies.answers import Level

rl_config.useA85 = 0
"""Pictures stand in the file as they are: as text they would be a quarter larger, and slow to write."""

_TITLE, _SIGNATURE = N_("Chest X-ray report"), N_("Date, signature")
_OPINIONS, _TESTS = N_("Opinions"), N_("Test results")
_PAGE = N_("Page %(n)s of %(total)s")
Row = tuple[str, str]
_GREY, _INK = HexColor("#5a6570"), HexColor("#16202a")
_LEVELS = {
    Level.RED: HexColor("#a3261d"),
    Level.AMBER: HexColor("#c98a00"),
    Level.GREEN: HexColor("#1f6a3c"),
    Level.GREY: HexColor("#7c8994"),
}
_MARGIN = 18 * mm
_PADDING = 6
"""Points that a frame keeps free on each side of the text."""
_WIDTH = A4[0] - 2 * (_MARGIN + _PADDING)
"""Of the text."""
_RUNNING = (0.32, 0.21, 0.31, 0.16)
"""How the width is shared by what stands at the foot of each page: name, number, study and page."""
_WHOLE = ((0, 0), (-1, -1))
"""All cells of a table."""


def report_pdf(
    report: Report, pictures: Sequence[Sequence[PillowImage.Image]], words: Words, typefaces: Typefaces
) -> bytes:
    """Write the report on A4. The same report gives the same bytes.

    Parameters
    ----------
    pictures
        Of each film, to stand beside each other.
    words
        Translates a message id into the report's language.
    typefaces
        What to write it in; they have every letter of it.
    """
    out, title, pages = io.BytesIO(), words(_TITLE), _Pages(report, words, Typesetter(typefaces))
    document = SimpleDocTemplate(
        out,
        pagesize=A4,
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=16 * mm,
        bottomMargin=FOOT + pages.running_height,
        title=title,
        author=report.clinic,
        invariant=1,
    )
    canvas = partial(CanvasWithRunningLine, line=pages.running_line, x=_MARGIN + _PADDING, width=_WIDTH)
    document.build(pages.story(title, pictures), canvasmaker=canvas)
    return out.getvalue()


class _Pages:
    """Lays out a report."""

    def __init__(self, report: Report, words: Words, typesetter: Typesetter) -> None:
        self._report = report
        self._words = words
        self._films = [self._film_rows(film) for film in report.films]
        self._opinions = [(f"{one.author}\n{one.time}", "\n".join(one.sentences)) for one in report.opinions]
        self._facts = [*report.facts, *self._warnings([report.identity_warning])]
        self._small = ParagraphStyle("small", typesetter=typesetter, fontSize=8.5, leading=12, textColor=_GREY)
        self._body = ParagraphStyle("body", typesetter=typesetter, fontSize=10, leading=14, textColor=_INK)
        self._large = ParagraphStyle("large", parent=self._body, fontSize=17, leading=23)
        self._headline_style = ParagraphStyle("headline", parent=self._body, fontSize=15, leading=19)
        self._title = ParagraphStyle("title", parent=self._body, fontSize=12, leading=16, spaceBefore=8, spaceAfter=3)

    def _warnings(self, sentences: Sequence[str]) -> list[Row]:
        return [(self._words(N_("Warning")), sentence) for sentence in sentences if sentence]

    def _film_rows(self, film: FilmReport) -> list[Row]:
        if not film.probability:
            said = [(film.headline.title, film.refusal)]
            return [*self._warnings([film.header]), *said, *self._warnings(film.warnings)]
        numbers = ". ".join(filter(None, (film.probability, film.uncertainty_range)))
        several = len(self._report.films) > 1
        return [
            *self._warnings([film.header]),
            *([(self._words(N_("Result")), film.headline.title)] if several else []),
            (self._words(N_("Probability of COVID-19")), " ".join(filter(None, (numbers, film.predictive_value)))),
            (self._words(N_("Findings")), film.findings),
            *self._extent_rows(film),
            *self._warnings(film.warnings),
            (self._words(N_("Model")), ". ".join(filter(None, (film.model, film.thresholds)))),
        ]

    def _extent_rows(self, film: FilmReport) -> list[Row]:
        said = " ".join(filter(None, (film.extent, film.extent_change)))
        return [(self._words(N_("Extent of opacity")), said)] if said else []

    def story(self, heading: str, pictures: Sequence[Sequence[PillowImage.Image]]) -> list[Flowable]:
        """Return what follows from top to bottom."""
        report = self._report
        story: list[Flowable] = [
            _text(report.clinic, self._title),
            *(_text(line, self._small) for line in report.letterhead),
            _text(heading, self._large),
            _rule(),
            self._table(self._facts),
            Spacer(1, 4 * mm),
            self._headline(),
            *map(self._film, report.films, pictures, self._films),
        ]
        for title, rows in ((_OPINIONS, self._opinions), (_TESTS, report.tests)):
            if rows:
                story += [_text(self._words(title), self._title), self._table(rows)]
        return [*story, _rule(), _text(report.limits, self._small), self._signature()]

    def running_line(self, number: int, total: int) -> Table:
        """Lay out what stands at the foot of a page: whose it is, and which of how many.

        Each part is a paragraph of its own, so that a name from right to left leaves the numbers as they are.
        """
        patient, study = self._report.patient, f"{self._words(N_('Study'))} {self._report.study.key}"
        page = self._words(_PAGE) % {"n": number, "total": total}
        said = (patient.name or patient.identifier, patient.identifier if patient.name else "", study, page)
        table = Table([[_text(one, self._small) for one in said]], colWidths=[part * _WIDTH for part in _RUNNING])
        table.setStyle([("VALIGN", *_WHOLE, "BOTTOM"), ("LEFTPADDING", *_WHOLE, 0), ("BOTTOMPADDING", *_WHOLE, 0)])
        return table

    @property
    def running_height(self) -> float:
        """How high the line at the foot of a page is, in points: a long name takes several lines."""
        return float(self.running_line(99, 99).wrap(_WIDTH, A4[1])[1])

    def _said(self) -> list[str]:
        """Return what is said below the headline's title."""
        headline = self._report.headline
        return list(filter(None, (headline.title, headline.advice, *headline.remarks)))

    def _headline(self) -> Flowable:
        """Lay out the headline, a bar of its level's colour beside it."""
        title, *rest = self._said()
        cells = [[_text(title, self._headline_style)], *([_text(one, self._body)] for one in rest)]
        table = Table(cells, colWidths=[_WIDTH])
        table.setStyle([("LINEBEFORE", *_WHOLE, 5, _LEVELS[self._report.headline.level])])
        table.setStyle([(f"{side}PADDING", *_WHOLE, 2) for side in ("TOP", "BOTTOM")])
        table.setStyle([("LEFTPADDING", *_WHOLE, 10)])
        return table

    def _film(self, film: FilmReport, pictures: Sequence[PillowImage.Image], rows: Sequence[Row]) -> Flowable:
        shown = [_side_by_side(pictures), Spacer(1, 2 * mm)] if pictures else []
        return KeepTogether([_text(film.title, self._title), *shown, self._table(rows)])

    def _signature(self) -> Flowable:
        line = HRFlowable(width=80 * mm, hAlign="LEFT", color=_INK)
        return KeepTogether([Spacer(1, 14 * mm), line, _text(self._words(_SIGNATURE), self._small)])

    def _table(self, rows: Sequence[Row]) -> Table:
        cells = [[_text(name, self._small), _text(value, self._body)] for name, value in rows]
        table = Table(cells, colWidths=[42 * mm, _WIDTH - 42 * mm], hAlign="LEFT", splitInRow=1)
        table.setStyle([("VALIGN", *_WHOLE, "TOP"), *((f"{side}PADDING", *_WHOLE, 1.5) for side in ("TOP", "BOTTOM"))])
        table.setStyle([("LEFTPADDING", (0, 0), (0, -1), 0), ("TOPPADDING", (0, 0), (0, -1), 3)])
        return table


def _text(text: str, style: ParagraphStyle) -> Flowable:
    return style.typesetter.paragraph(text, style)


def _rule() -> HRFlowable:
    return HRFlowable(width="100%", color=HexColor("#c9d0d6"), spaceBefore=6, spaceAfter=6)


def _side_by_side(pictures: Sequence[PillowImage.Image]) -> Table:
    width = _WIDTH / 2 - 1.5 * mm
    cells = []
    for picture in pictures:
        data = io.BytesIO()
        picture.convert("RGB").save(data, "JPEG", quality=85)
        data.seek(0)
        scale = min(width / picture.width, 70 * mm / picture.height)
        cells.append(Image(data, picture.width * scale, picture.height * scale))
    table = Table([cells], colWidths=[_WIDTH / 2] * len(cells), hAlign="LEFT")
    table.setStyle([(f"{side}PADDING", *_WHOLE, 0) for side in ("LEFT", "RIGHT", "TOP", "BOTTOM")])
    return table
