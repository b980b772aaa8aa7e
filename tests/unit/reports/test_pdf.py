from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

from lungwise.patients.service import PatientFacts
from lungwise.reports.pdf import report_pdf, writable
from lungwise.reports.service import Reports
from lungwise.studies.diagnosis import Diagnosis
from lungwise.studies.reference_results import EnteredResult, Outcome, Reason, ReferenceTest
from lungwise.studies.service import Conclusion

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Services


PCR = EnteredResult(kind=ReferenceTest.PCR, result=Outcome.POSITIVE, tested_on=date(2026, 3, 1), reason=Reason.SYMPTOMS)


def test_the_same_report_is_the_same_pdf_whatever_is_written_in_it(
    services: Services, film: Callable[..., bytes]
) -> None:
    person = services.person()
    key = services.studies.open(
        person, PatientFacts(identifier="7", name="Béla <b>Bartók</b> & सुनीता"), [("a", film(1, 8))]
    ).key
    services.read_all()
    services.studies.conclude(person, key, Conclusion(agrees=False, note="an old scar <script>"))
    reports = Reports(services.studies, str, services.settings)
    report = reports.of(person, key, "Hill")
    pictures = [reports.pictures(one.record) for one in report.films]
    first = report_pdf(report, pictures, str, None)
    assert first.startswith(b"%PDF")
    assert first == report_pdf(report, pictures, str, None)


def test_a_film_its_verdict_and_the_signature_are_on_one_page(services: Services, film: Callable[..., bytes]) -> None:
    person = services.person()
    facts = PatientFacts(identifier="7", name="Béla Bartók", sex="M", birth_date=date(1970, 3, 25))
    key = services.studies.open(person, facts, [("a", film(1, 8))]).key
    services.read_all()
    services.studies.conclude(person, key, Conclusion(agrees=True, conclusion=Diagnosis.COVID_19, note="seen"))
    services.reference_results.add(person, key, PCR)
    pdf = Reports(services.studies, str, services.settings).pdf(person, key, "Hill")
    assert len(re.findall(rb"/Type /Page\b", pdf)) == 1


def test_a_report_is_not_written_in_signs_that_no_font_has() -> None:
    assert writable(lambda _text: "écrit", "written", None)("written") == "écrit"
    assert writable(lambda _text: "\U000f0001", "written", None)("written") == "written"
