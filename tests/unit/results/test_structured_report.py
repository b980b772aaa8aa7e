from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

from pydicom.dataset import Dataset

from film_results import FACTS, READ, READING, REFUSED
from lungwise.films import Refusal
from lungwise.reading.extent import Difference, Extent
from lungwise.reading.findings import finding_named
from lungwise.results.result import Statement
from lungwise.results.structured_report import structured_report
from lungwise.results.study_header import study_header
from lungwise.studies.extent_changes import ExtentChange

HEADER = study_header(b"a picture", FACTS)


def test_each_finding_is_reported_with_its_code_and_probability() -> None:
    text = str(structured_report([(HEADER, READ)]))
    for name, probability in READING.findings.items():
        assert finding_named(name).code.value in text and str(probability) in text


def test_the_extent_of_opacity_and_its_change_are_measurements_with_units() -> None:
    extent = Extent(percent=41.26, brixia=7.5, repeatability=18.6)
    difference = Difference(points=-30.0, repeatability=18.6)
    change = ExtentChange(film="f", taken_on=date(2026, 3, 1), before=71.26, now=41.26, difference=difference)

    report = structured_report([(HEADER, replace(READ, outcome=replace(READING, extent=extent), change=change))])

    measured = {
        item.ConceptNameCodeSequence[0].CodeValue: (
            float(item.MeasuredValueSequence[0].NumericValue),
            item.MeasuredValueSequence[0].MeasurementUnitsCodeSequence[0].CodeValue,
        )
        for item in content_of(report)
        if item.ValueType == "NUM" and item.MeasuredValueSequence[0].MeasurementUnitsCodeSequence[0].CodeValue != "1"
    }
    assert measured == {
        "opacity-extent": (41.3, "%"),
        "brixia-score": (7.5, "{score}"),
        "opacity-change": (-30.0, "%"),
    }
    coded = [item.ConceptCodeSequence[0].CodeMeaning for item in content_of(report) if item.ValueType == "CODE"]
    assert {"Opacity", "Lung", "Decreased"} <= set(coded)
    comments = [item.TextValue for item in content_of(report) if item.ValueType == "TEXT"]
    assert any(text.startswith("Less opacity than on the film of 2026-03-01") for text in comments)


def test_a_model_that_says_no_extent_has_none_in_its_report() -> None:
    assert "opacity-extent" not in str(structured_report([(HEADER, READ)]))


def content_of(item: Dataset) -> Iterator[Dataset]:
    for child in item.get("ContentSequence", []):
        yield child
        yield from content_of(child)


def test_a_refusal_is_reported_with_its_reason_and_without_a_number() -> None:
    report = structured_report([(HEADER, REFUSED)])
    texts = [str(element.value) for element in report.iterall() if element.keyword == "TextValue"]
    assert f"blank: {Refusal('blank').reason}" in texts
    assert "Failed" in str(report) and "Probability" not in str(report)


def test_a_study_has_one_report_of_all_its_films_and_one_probability_of_covid_19_each() -> None:
    report = structured_report([(HEADER, READ), (HEADER, REFUSED), (HEADER, READ)])
    named = [item for item in content_of(report) if item.ValueType == "NUM"]
    assert [float(item.MeasuredValueSequence[0].NumericValue) for item in named] == [0.93, 0.02] * 2


def test_what_persons_say_of_the_study_is_in_the_report_coded_where_it_has_a_code() -> None:
    said = Statement(sentences=("Dr Rao: Conclusion: Tuberculosis",), diagnosis="tuberculosis")
    report = structured_report([(HEADER, READ)], said)
    impressions = [
        item.ConceptCodeSequence[0].CodeValue
        for item in content_of(report)
        if item.ValueType == "CODE" and item.ConceptNameCodeSequence[0].CodeValue == "121073"
    ]
    assert impressions == [finding_named("tuberculosis").code.value]
    assert said.sentences[0] in {item.get("TextValue") for item in content_of(report)}
    uncoded = structured_report([(HEADER, READ)], Statement(sentences=("Dr Rao: Conclusion: Gout",), diagnosis="other"))
    assert "Dr Rao: Conclusion: Gout" in {item.get("TextValue") for item in content_of(uncoded)}


def test_a_conclusion_is_of_the_films_that_were_read_before_it_and_no_code_of_others() -> None:
    said = Statement(sentences=("Dr Rao: Conclusion: Tuberculosis",), diagnosis="tuberculosis")
    first, second = HEADER, study_header(b"another picture", replace(FACTS, film_uid="2.25.4"))
    later = replace(READ, is_concluded_on=False)
    report = structured_report([(first, READ), (second, later)], said)
    assert sources_of(conclusion_in(report)) == [first.film_uid]

    group = conclusion_in(structured_report([(second, later)], said))
    assert sources_of(group) == []
    assert finding_named("tuberculosis").code.value not in str(group)
    assert said.sentences[0] in [item.get("TextValue") for item in group.ContentSequence]


def conclusion_in(report: Dataset) -> Dataset:
    """The group of what persons say."""
    return next(
        item
        for item in content_of(report)
        if item.ValueType == "CONTAINER" and "conclusion" in [part.get("TextValue") for part in item.ContentSequence]
    )


def sources_of(group: Dataset) -> list[str]:
    images = (item for item in group.ContentSequence if item.ValueType == "IMAGE")
    return [str(item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID) for item in images]
