from film_results import FACTS, READ, READING, REFUSED
from lungwise.films import Refusal
from lungwise.reading.findings import finding_named
from lungwise.results.structured_report import structured_report
from lungwise.results.study_header import study_header

HEADER = study_header(b"a picture", FACTS)


def test_each_finding_is_reported_with_its_code_and_probability() -> None:
    text = str(structured_report(HEADER, READ))
    for name, probability in READING.findings.items():
        assert finding_named(name).code.value in text and str(probability) in text


def test_a_refusal_is_reported_with_its_reason_and_without_a_number() -> None:
    report = structured_report(HEADER, REFUSED)
    texts = [str(element.value) for element in report.iterall() if element.keyword == "TextValue"]
    assert f"blank: {Refusal('blank').reason}" in texts
    assert "Failed" in str(report) and "Probability" not in str(report)
