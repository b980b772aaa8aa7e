from __future__ import annotations

from datetime import date

import pytest

from lungwise.errors import Rejected
from lungwise.studies.diagnosis import Diagnosis
from lungwise.studies.reference_tests import EnteredResult, Outcome, Reason, ReferenceTest
from lungwise.studies.result_table import LARGEST, read_table, separator

ENGLISH = "Patient ID,Test,Result,Date,Reason\nP-1,PCR,Positive,2026-03-01,symptoms\n"
SPANISH = "Identificador;Prueba;Resultado;Fecha;Motivo\nP-1;PCR;positivo;01.03.2026;síntomas\n"
FRENCH = "Identifiant\tTest\tRésultat\tDate du test\tRaison\nP-1\tPCR\tpositif\t1.3.2026\tsymptômes\n"
HINDI = "पहचान संख्या,परीक्षण,परिणाम,तारीख़,कारण\nP-1,PCR,पॉज़िटिव,2026-03-01,लक्षण\n"
PCR = EnteredResult(kind=ReferenceTest.PCR, result=Outcome.POSITIVE, tested_on=date(2026, 3, 1), reason=Reason.SYMPTOMS)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        *((ENGLISH, encoding) for encoding in ("ascii", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be")),
        *((SPANISH, encoding) for encoding in ("utf-8", "cp1252", "latin-1", "utf-16")),
        *((FRENCH, encoding) for encoding in ("utf-8", "cp1252", "latin-1", "utf-8-sig")),
        *((HINDI, encoding) for encoding in ("utf-8", "utf-16")),
        (ENGLISH.replace("\n", "\r\n"), "utf-8"),
    ],
)
def test_a_table_is_read_whatever_its_encoding_separator_and_language(text: str, encoding: str) -> None:
    (row,) = read_table(text.encode(encoding))
    assert (row.line, row.patient, row.entered, row.rejected) == (2, "P-1", PCR, None)


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("P-1,PCR,positive,31/02/2026,film", "is not a date"),
        ("P-1,PCR,positive,03/04/2026,film", "could mean two dates"),
        ("P-1,PCR,positive,soon,film", "is not a date"),
        ("P-1,blood,positive,2026-03-01,film", "“blood” is not a known test"),
        ("P-1,PCR,normal,2026-03-01,film", "“normal” is not a result"),
        ("P-1,radiologist,positive,2026-03-01,film", "“positive” is not a result"),
        ("P-1,PCR,positive,2026-03-01,curiosity", "“curiosity” is not a known reason"),
        (",PCR,positive,2026-03-01,film", "names no study"),
        ("P-1", "is not a known test"),
    ],
)
def test_a_row_that_cannot_be_right_says_so_in_one_sentence(row: str, sentence: str) -> None:
    bad, good = read_table(f"patient,test,result,date,reason\n{row}\nP-2,PCR,neg,2026-03-01,contact\n".encode())
    assert bad.rejected is not None and sentence in str(bad.rejected)
    assert good.rejected is None


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "first line must name"),
        (b"patient,test,result\nP-1,PCR,positive\n", "first line must name"),
        (b"test,result,date\nPCR,positive,2026-03-01\n", "first line must name"),
        (b"a" * (LARGEST + 1), "too large"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0", "not a text table"),
        (b'patient,test,result,date\n"' + b"x" * 200 + b"\0", "not a text table"),
    ],
)
def test_what_is_no_table_of_results_is_rejected(data: bytes, sentence: str) -> None:
    with pytest.raises(Rejected, match=sentence):
        read_table(data)


def test_a_day_that_can_be_only_one_is_taken_and_empty_lines_are_passed_over() -> None:
    rows = read_table(
        b"study;test;result;date\n\nk;sputum;+;25/12/2026\nk;radiologist;TB;12/25/2026\nk;xpert;neg;2026-12-25 10:30\n"
    )
    assert [row.line for row in rows] == [3, 4, 5]
    assert [row.entered.tested_on for row in rows if row.entered] == [date(2026, 12, 25)] * 3
    assert [row.entered.result for row in rows if row.entered] == [
        Outcome.POSITIVE,
        Diagnosis.TUBERCULOSIS,
        Outcome.NEGATIVE,
    ]


def test_what_spreadsheets_write_beside_the_cells_is_taken_for_what_it_is() -> None:
    (row,) = read_table(b'\xef\xbb\xbfsep=;\r\npatient;test;result;date\r\n="007";Xpert;neg;2026-03-01\r\n')
    assert (row.line, row.patient) == (3, "007")
    assert row.entered and row.entered.tested_on == date(2026, 3, 1)
    (formula,) = read_table(b"patient,test,result,date\n=1+1,PCR,pos,46082\n")
    assert formula.patient == "=1+1"
    assert formula.rejected and "46082" in str(formula.rejected.values)


def test_what_stands_in_quotation_marks_separates_nothing() -> None:
    assert separator('"a,b,c";d\n') == ";"
