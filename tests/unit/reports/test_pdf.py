from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

import pytest

from lungwise.inputs import harmless_cell as harmless
from lungwise.patients.service import PatientFacts
from lungwise.reading.reading import Verdict
from lungwise.reports.pdf import report_pdf
from lungwise.reports.service import Reports, writable
from lungwise.studies.service import Conclusion

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Services


def test_a_report_holds_what_the_study_holds_and_is_the_same_each_time(
    services: Services, film: Callable[..., bytes], blank: bytes
) -> None:
    person = services.person()
    facts = PatientFacts(identifier="7", name="Béla <b>Bartók</b> & सुनीता")
    key = services.studies.open(person, facts, [("a", film(1, 8)), ("b", blank)]).key
    services.read_all()
    services.studies.conclude(person, key, Conclusion(agrees=False, note="an old scar <script>"))
    report = Reports(services.studies, lambda text: text, None).of(person, key, "Hill")
    assert report.verdict == "COVID-19 positive"
    assert [len(part.pictures) for part in report.films] == [2, 1]
    assert "an old scar" in report.opinions[0][1]
    assert dict(report.facts)["Name"] == facts.name
    first = report_pdf(report, None)
    assert first.startswith(b"%PDF")
    assert first == report_pdf(report, None)


def test_a_film_its_verdict_and_the_signature_are_on_one_page(services: Services, film: Callable[..., bytes]) -> None:
    person = services.person()
    facts = PatientFacts(identifier="7", name="Béla Bartók", sex="M", birth_date=date(1970, 3, 25))
    key = services.studies.open(person, facts, [("a", film(1, 8))]).key
    services.read_all()
    services.studies.conclude(
        person, key, Conclusion(agrees=True, conclusion=Verdict.POSITIVE, pcr=Verdict.POSITIVE, note="seen")
    )
    report = Reports(services.studies, str, None).of(person, key, "Hill")
    assert len(re.findall(rb"/Type /Page\b", report_pdf(report, None))) == 1


def test_a_report_is_not_written_in_signs_that_no_font_has() -> None:
    assert writable(lambda _text: "écrit", None)("written") == "écrit"
    assert writable(lambda _text: "\U000f0001", None)("written") == "written"


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"])
def test_no_cell_is_taken_for_a_formula(cell: str) -> None:
    assert harmless(cell) == "'" + cell


def test_other_cells_stay_as_they_are() -> None:
    assert harmless("Béla = Bartók") == "Béla = Bartók"
