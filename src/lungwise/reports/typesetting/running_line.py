"""A line at the foot of each page that says which of how many it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable

FOOT = 10 * mm
"""Between a page's edge and the line at its foot: what printers leave white."""


class CanvasWithRunningLine(Canvas):  # type: ignore[misc]
    """Keeps its pages until the last one is there, and writes each with its line.

    Parameters
    ----------
    line
        Makes the line of a page from its number and the number of pages.
    x, width
        Where the line begins, and how long it may be, in points.
    """

    def __init__(
        self,
        *args: Any,  # noqa: ANN401 - ReportLab is untyped
        line: Callable[[int, int], Flowable],
        x: float,
        width: float,
        **options: Any,  # noqa: ANN401
    ) -> None:
        super().__init__(*args, **options)
        self._running_line, self._running_x, self._running_width = line, x, width
        self._full_pages: list[dict[str, Any]] = []

    def showPage(self) -> None:  # noqa: N802 - so ReportLab calls it
        """Keep a page that is full."""
        self._full_pages.append(dict(self.__dict__))
        self._startPage()

    def save(self) -> None:
        """Write the pages and the file."""
        for number, page in enumerate(self._full_pages, start=1):
            self.__dict__.update(page)
            line = self._running_line(number, len(self._full_pages))
            line.wrapOn(self, self._running_width, self._pagesize[1])
            line.drawOn(self, self._running_x, FOOT)
            super().showPage()
        super().save()
