"""What each threshold would cost, as a curve: films that are tested against patients who are missed."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from markupsafe import Markup

from lungwise.monitoring.local_accuracy import Cost

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _BOTTOM, _TOP = 640, 300, 56, 16, 48, 12
_TICKS = (0, 0.25, 0.5, 0.75, 1)


def curve(title: str, across: str, up: str, costs: Sequence[Cost], marked: Sequence[tuple[str, Cost]]) -> Markup:
    """Draw the curve, with a dot and a word for each threshold that is in force.

    Parameters
    ----------
    title
        What a screen reader calls it.
    across, up
        What the axes count: films tested, of 100, and patients missed, of 10.
    """
    ends = [(1.0, 0.0), *((cost.tested, cost.missed) for cost in costs), (0.0, 1.0)]
    points = " ".join(f"{_x(tested):.1f},{_y(missed):.1f}" for tested, missed in ends)
    dots = "".join(_dot(label, cost) for label, cost in marked)
    inside = f'{_axes(across, up)}<polyline class="curve" points="{points}"/>{dots}'
    # Everything that comes from outside is escaped; the rest is numbers.
    return Markup(  # noqa: S704
        f'<svg class="chart" role="img" viewBox="0 0 {_WIDTH} {_HEIGHT}" aria-label="{escape(title)}">{inside}</svg>'
    )


def _x(share: float) -> float:
    return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)


def _y(share: float) -> float:
    return _TOP + (1 - share) * (_HEIGHT - _BOTTOM - _TOP)


def _axes(across: str, up: str) -> str:
    base = _y(0)
    lines = "".join(
        f'<line x1="{_LEFT}" y1="{_y(tick):.1f}" x2="{_WIDTH - _RIGHT}" y2="{_y(tick):.1f}"/>'
        f'<text x="{_LEFT - 8}" y="{_y(tick) + 4:.1f}" text-anchor="end">{tick * 10:g}</text>'
        f'<text x="{_x(tick):.1f}" y="{base + 16:.1f}" text-anchor="middle">{tick * 100:g}</text>'
        for tick in _TICKS
    )
    middle = (_TOP + base) / 2
    turned = f'x="14" y="{middle:.1f}" text-anchor="middle" transform="rotate(-90 14 {middle:.1f})"'
    return (
        f'{lines}<text x="{_x(0.5):.1f}" y="{_HEIGHT - 10}" text-anchor="middle">{escape(across)}</text>'
        f"<text {turned}>{escape(up)}</text>"
    )


def _dot(label: str, cost: Cost) -> str:
    x, y = _x(cost.tested), _y(cost.missed)
    anchor, aside = ("end", -9) if cost.tested > 0.7 else ("start", 9)
    return (
        f'<circle class="mark" cx="{x:.1f}" cy="{y:.1f}" r="5"/>'
        f'<text class="marked" x="{x + aside:.1f}" y="{y - 7:.1f}" text-anchor="{anchor}">{escape(label)}</text>'
    )
