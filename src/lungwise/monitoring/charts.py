"""Charts as SVG made on the server: they need no JavaScript, follow the page's colours, and print.

The numbers beside a chart are a picture of their own: they stay in view where a phone scrolls the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from markupsafe import Markup

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 880, 200, 44, 24, 10
_MOST_POINTS = 400
_APART = 4
"""Columns from one label to the next."""


def columns(title: str, labels: Sequence[str], totals: Sequence[int], parts: Sequence[int]) -> Markup:
    """Draw one column for each label, and the part of it that counts, darker, within it.

    Parameters
    ----------
    title
        What a screen reader calls the chart.
    labels
        One for each column; every fourth is written, counted from the last.
    totals, parts
        The height of each column and of its part.
    """
    highest = max([*totals, 1])
    step = (_WIDTH - _LEFT) / max(len(totals), 1)
    marks = [_box(n, step, 0, total / highest, "total") for n, total in enumerate(totals)]
    marks += [_box(n, step, 0, part / highest, "part") for n, part in enumerate(parts)]
    return _chart(title, _ends(str(highest)), "".join(marks) + _labels(labels, step, _fourths(labels)))


def stacks(title: str, labels: Sequence[str], columns: Sequence[Sequence[float]], kinds: Sequence[str]) -> Markup:
    """Draw columns of equal height, each divided by shares; a column without films stays empty.

    Parameters
    ----------
    title
        What a screen reader calls the chart.
    labels
        One for each column; the first is written, and every fourth, counted from the last.
    columns
        Each column's shares from the bottom, summing to 1, or none at all.
    kinds
        The style of each share.
    """
    step = (_WIDTH - _LEFT) / max(len(columns), 1)
    marks = []
    for n, shares in enumerate(columns):
        below = 0.0
        for share, kind in zip(shares, kinds, strict=False):
            marks.append(_box(n, step, below, share, kind))
            below += share
    written = [0, *(n for n in _fourths(labels) if n >= _APART)]
    return _chart(title, _ends("100 %"), "".join(marks) + _labels(labels, step, written))


def course(title: str, values: Sequence[float], limit: float, crossed: Sequence[int]) -> Markup:
    """Draw how a sum grows and falls, the limit above it, and a dot where it passed that.

    Parameters
    ----------
    title
        What a screen reader calls the chart.
    values
        The sum after each film; of many, every so manieth is drawn, and each one that passed the limit.
    crossed
        The places of those.
    """
    highest = max(*values, limit) * 1.05
    every = max(len(values) // _MOST_POINTS, 1)
    kept = sorted({*range(0, len(values), every), *crossed, len(values) - 1})

    def point(n: int) -> tuple[float, float]:
        across = n / max(len(values) - 1, 1)
        return _LEFT + across * (_WIDTH - _LEFT - 8), _TOP + (_HEIGHT - _BOTTOM - _TOP) * (1 - values[n] / highest)

    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(point, kept))
    dots = "".join(f'<circle class="mark" cx="{x:.1f}" cy="{y:.1f}" r="5"/>' for x, y in map(point, crossed))
    at = _TOP + (_HEIGHT - _BOTTOM - _TOP) * (1 - limit / highest)
    bar = f'<line class="limit" x1="{_LEFT}" y1="{at:.1f}" x2="{_WIDTH}" y2="{at:.1f}"/>'
    label = f'<text x="{_LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{limit:.1f}</text>'
    ends = f'<text x="{_WIDTH}" y="{_HEIGHT - 6}" text-anchor="end">{len(values)}</text>'
    return _chart(title, _ends("") + label, bar + f'<polyline class="curve" points="{line}"/>' + dots + ends)


def _box(n: int, step: float, below: float, share: float, kind: str) -> str:
    if not share:
        return ""
    whole = _HEIGHT - _BOTTOM - _TOP
    x, y = _LEFT + n * step + step * 0.15, _TOP + whole * (1 - below - share)
    return f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{step * 0.7:.1f}" height="{whole * share:.1f}"/>'


def _fourths(labels: Sequence[str]) -> range:
    """Number the columns whose labels are written: the last, which is the newest week's, and every fourth before it."""
    return range(len(labels) - 1, -1, -_APART)


def _labels(labels: Sequence[str], step: float, written: Iterable[int]) -> str:
    last = len(labels) - 1
    return "".join(_label(labels[n], n, step, last) for n in written if n <= last)


def _label(label: str, n: int, step: float, last: int) -> str:
    """Write a label below the middle of its column; the first and the last stay in the chart, which would cut them."""
    x, anchor = (_WIDTH, "end") if n == last else (_LEFT, "start") if n == 0 else (_LEFT + (n + 0.5) * step, "middle")
    return f'<text x="{x:.1f}" y="{_HEIGHT - 6}" text-anchor="{anchor}">{escape(label)}</text>'


def _ends(top: str) -> str:
    """Write the numbers at both ends of the axis."""
    return (
        f'<text x="{_LEFT - 6}" y="{_TOP + 9}" text-anchor="end">{top}</text>'
        f'<text x="{_LEFT - 6}" y="{_HEIGHT - _BOTTOM}" text-anchor="end">0</text>'
    )


def _chart(title: str, beside: str, inside: str) -> Markup:
    """Put the axis and what it measures side by side, in one scale."""
    base, across = _HEIGHT - _BOTTOM, _WIDTH - _LEFT
    # Everything that comes from outside is escaped above and here; the rest is numbers.
    return Markup(  # noqa: S704
        f'<div class="chart along" role="img" aria-label="{escape(title)}">'
        f'<svg class="axis" viewBox="0 0 {_LEFT} {_HEIGHT}">{beside}'
        f'<line x1="{_LEFT - 0.5}" y1="{_TOP}" x2="{_LEFT - 0.5}" y2="{base}"/></svg>'
        f'<svg viewBox="{_LEFT} 0 {across} {_HEIGHT}">'
        f'<line x1="{_LEFT}" y1="{base}" x2="{_WIDTH}" y2="{base}"/>{inside}</svg></div>'
    )
