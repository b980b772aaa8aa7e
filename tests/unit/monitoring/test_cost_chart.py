from __future__ import annotations

from xml.etree import ElementTree

from lungwise.monitoring.cost_chart import curve
from lungwise.monitoring.local_accuracy import Cost

COSTS = [Cost(threshold=0.1, tested=0.8, missed=0.1), Cost(threshold=0.5, tested=0.2, missed=0.6)]


def test_a_curve_goes_from_everybody_tested_to_nobody_with_a_dot_for_each_threshold_in_force() -> None:
    drawn = ElementTree.fromstring(curve("a <b>", "across", "up", COSTS, [("10 %", COSTS[0]), ("50 %", COSTS[1])]))
    (line,) = drawn.iter("polyline")
    points = [tuple(map(float, point.split(","))) for point in str(line.get("points")).split()]
    assert points == sorted(points, reverse=True)
    assert [y for _x, y in points] == sorted((y for _x, y in points), reverse=True)
    dots = [(dot.get("cx"), dot.get("cy")) for dot in drawn.iter("circle")]
    assert dots == [(f"{x:.1f}", f"{y:.1f}") for x, y in points[1:3]]
    assert drawn.get("aria-label") == "a <b>"
    assert {"across", "up", "10 %", "50 %"} <= {text.text for text in drawn.iter("text")}
