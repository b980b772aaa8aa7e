from __future__ import annotations

import xml.etree.ElementTree as ElementTree

from lungwise.reports.charts import columns

SVG = "{http://www.w3.org/2000/svg}"


def test_the_highest_column_fills_the_chart_and_the_rest_are_in_proportion() -> None:
    chart = ElementTree.fromstring(columns("<studies>", ["a", "b", "c"], [10, 5, 0], [1, 5, 0]))
    heights = [float(bar.get("height", "0")) for bar in chart.iter("rect")]
    assert heights == [166.0, 83.0, 16.6, 83.0]
    assert chart.get("aria-label") == "<studies>"


def test_an_empty_clinic_has_an_empty_chart() -> None:
    assert not list(ElementTree.fromstring(columns("none", [], [], [])).iter("rect"))
