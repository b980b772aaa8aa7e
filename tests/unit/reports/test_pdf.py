from __future__ import annotations

import io
import re
import subprocess
from datetime import date
from typing import TYPE_CHECKING

import pytest
from pypdf import PdfReader

from lungwise.errors import Rejected
from lungwise.languages import LANGUAGES, words_of
from lungwise.patients.service import PatientFacts
from lungwise.reports.pdf import report_pdf
from lungwise.reports.service import Reports
from lungwise.reports.typesetting.typefaces import Typefaces
from lungwise.studies.diagnosis import Diagnosis
from lungwise.studies.reference_tests import EnteredResult, Outcome, Reason, ReferenceTest
from lungwise.studies.service import Conclusion
from pdf_text import missing_glyphs, texts_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Services

NAMES = ("Béla Bartók", "सुनीता क्षत्रिय", "محمد علي", "王小明")
"""In Latin letters, Devanagari, Arabic and Chinese."""


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
    first = report_pdf(report, pictures, str, Typefaces())
    assert first.startswith(b"%PDF")
    assert first == report_pdf(report, pictures, str, Typefaces())


def test_a_film_its_verdict_and_the_signature_are_on_one_page(services: Services, film: Callable[..., bytes]) -> None:
    person = services.person()
    facts = PatientFacts(identifier="7", name="Béla Bartók", sex="M", birth_date=date(1970, 3, 25))
    key = services.studies.open(person, facts, [("a", film(1, 8))]).key
    services.read_all()
    services.studies.conclude(person, key, Conclusion(agrees=True, conclusion=Diagnosis.COVID_19, note="seen"))
    services.reference_results.add(person, key, PCR)
    pdf = Reports(services.studies, str, services.settings).pdf(person, key, "Hill")
    assert len(re.findall(rb"/Type /Page\b", pdf)) == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_names_of_every_script_are_written_in_every_language(
    language: str, services: Services, film: Callable[..., bytes], tmp_path: Path
) -> None:
    person, words = services.person(), words_of(language)
    for number, name in enumerate(NAMES):
        key = services.studies.open(person, PatientFacts(identifier=f"P-{number}", name=name), [("a", film(1, 8))]).key
        pdf = Reports(services.studies, words, services.settings).pdf(person, key, "पहाड़ Hill")
        for text in texts_of(pdf, tmp_path):
            assert name in text
            assert f"P-{number}" in text
            assert words("Date, signature") in text
            assert "पहाड़ Hill" in text
        assert missing_glyphs(pdf) == 0


@pytest.mark.parametrize(
    ("language", "name"),
    [*zip(LANGUAGES, NAMES, strict=True), ("en", ""), ("en", "Maria da Conceição dos Santos " * 6)],
)
def test_each_page_of_a_long_report_says_whose_it_is_and_which_of_how_many(
    language: str, name: str, services: Services, film: Callable[..., bytes], tmp_path: Path
) -> None:
    person, words = services.person(), words_of(language)
    facts = PatientFacts(identifier="45-2031-77", name=name.strip())
    key = services.studies.open(person, facts, [("a", film(1, 8))]).key
    for _ in range(3):
        services.studies.conclude(person, key, Conclusion(agrees=None, note="Look again. " * 300))
    pdf = Reports(services.studies, words, services.settings).pdf(person, key, "Hill")
    reader = PdfReader(io.BytesIO(pdf))
    assert len(reader.pages) > 1
    for number in range(1, len(reader.pages) + 1):
        for text in texts_of(pdf, tmp_path, page=number):
            foot = "".join(text.split("Look again.")[-1].split())
            assert "45-2031-77" in foot
            assert key in foot
            assert (
                "".join((words("Page %(n)s of %(total)s") % {"n": number, "total": len(reader.pages)}).split()) in foot
            )
            assert all("".join(part.split()) in foot for part in name.split())
    boxes = subprocess.run(
        ["pdftotext", "-bbox", str(tmp_path / "report.pdf"), "-"], capture_output=True, check=True, text=True
    ).stdout
    of_facts, *of_feet = re.findall(rf'xMin="([\d.]+)" .*>{key}<', boxes)
    assert of_facts and len(of_feet) > 1 and len(set(of_feet)) == 1  # each page has it in the same place
    assert missing_glyphs(pdf) == 0


def test_a_note_longer_than_a_page_goes_on_on_the_next(
    services: Services, film: Callable[..., bytes], tmp_path: Path
) -> None:
    person = services.person()
    key = services.studies.open(person, PatientFacts(identifier="7"), [("a", film(1, 8))]).key
    services.studies.conclude(person, key, Conclusion(agrees=None, note="\n".join(f"line {n}." for n in range(200))))
    pdf = Reports(services.studies, str, services.settings).pdf(person, key, "Hill")
    for text in texts_of(pdf, tmp_path):
        assert all(f"line {n}." in text for n in range(200))


def test_letters_that_no_font_has_are_named_and_nothing_is_drawn_in_boxes(
    services: Services, film: Callable[..., bytes]
) -> None:
    person = services.person()
    key = services.studies.open(person, PatientFacts(identifier="7", name="\U000f0001da"), [("a", film(1, 8))]).key
    reports = Reports(services.studies, str, services.settings)
    assert "these characters: \U000f0001." in reports.unwritable(reports.of(person, key, "Hill"))
    with pytest.raises(Rejected, match="no font"):
        reports.pdf(person, key, "Hill")
