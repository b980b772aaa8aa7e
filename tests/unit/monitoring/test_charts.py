from __future__ import annotations

import xml.etree.ElementTree as ElementTree

from lungwise.monitoring.charts import columns, course, stacks

SVG = "{http://www.w3.org/2000/svg}"


def test_the_highest_column_fills_the_chart_and_the_rest_are_in_proportion() -> None:
    chart = ElementTree.fromstring(columns("<studies>", ["a", "b", "c"], [10, 5, 0], [1, 5, 0]))
    heights = [float(bar.get("height", "0")) for bar in chart.iter("rect")]
    assert heights == [166.0, 83.0, 16.6, 83.0]
    assert chart.get("aria-label") == "<studies>"


def test_an_empty_clinic_has_an_empty_chart() -> None:
    assert not list(ElementTree.fromstring(columns("none", [], [], [])).iter("rect"))


def test_every_column_with_films_is_as_high_as_the_others_and_divided_by_its_shares() -> None:
    chart = ElementTree.fromstring(stacks("drift", ["a", "b", "c"], [[0.25, 0.75], [], [0.0, 1.0]], ["low", "high"]))
    boxes = [(box.get("class"), float(box.get("y", "0")), float(box.get("height", "0"))) for box in chart.iter("rect")]
    assert boxes == [("low", 134.5, 41.5), ("high", 10.0, 124.5), ("high", 10.0, 166.0)]
    assert "100 %" in [text.text for text in chart.iter("text")]


def test_labels_are_counted_from_the_newest_week_which_always_has_one() -> None:
    weeks = [str(number) for number in range(26)]
    chart = ElementTree.fromstring(columns("studies", weeks, [1] * 26, [0] * 26))
    labels = [text for text in chart.iter("text") if text.get("y") == "194"]
    assert [text.text for text in labels] == ["25", "21", "17", "13", "9", "5", "1"]
    assert (labels[0].get("x"), labels[0].get("text-anchor")) == ("880.0", "end")
    assert labels[1].get("text-anchor") == "middle"
    drift = ElementTree.fromstring(stacks("drift", ["card", *weeks], [[1.0]] * 27, ["low"]))
    assert [text.text for text in drift.iter("text") if text.get("y") == "194"] == [
        *("card", "25", "21", "17", "13", "9", "5")
    ]
    assert [text.get("text-anchor") for text in drift.iter("text") if text.text == "card"] == ["start"]


def test_a_course_is_a_line_under_its_limit_with_a_dot_where_it_passes() -> None:
    values = [0.1 * (n % 50) for n in range(2000)]
    chart = ElementTree.fromstring(course("<sum>", values, 4.5, [48]))
    (line,), (dot,) = chart.iter("polyline"), chart.iter("circle")
    points = [tuple(map(float, point.split(","))) for point in line.get("points", "").split()]
    assert 400 <= len(points) <= 402
    (limit,) = (one for one in chart.iter("line") if one.get("class") == "limit")
    assert float(dot.get("cy", "0")) < float(limit.get("y1", "0"))
    assert chart.get("aria-label") == "<sum>"
    assert len(list(ElementTree.fromstring(course("one film", [0.0], 4.5, [])).iter("polyline"))) == 1
