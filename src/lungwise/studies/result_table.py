"""A table of test results as a laboratory or a spreadsheet writes it: any usual encoding, separator and language.

What cannot be right in a row is said of that row in one sentence; nothing here is kept.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, TypeVar

from lungwise.errors import Rejected
from lungwise.studies.diagnosis import Diagnosis
from lungwise.studies.reference_tests import EnteredResult, Outcome, Reason, ReferenceTest, Result, results_of

T = TypeVar("T")
LARGEST = 48 << 10
"""Bytes of a table: what a page takes that takes no film."""
MOST_ROWS = 1000
_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}
_SEPARATORS = ",;\t"
_NAMED_SEPARATOR = re.compile(r"\A\ufeff?sep=.\r?\n", re.IGNORECASE)
"""The first line by which some programs tell others the separator."""
_CELL = 200
"""Characters of a cell that are looked at."""

COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "accession": ("accession", "accession number", "numero de acceso", "numero d'acces", "एक्सेशन संख्या"),
    "study": ("study", "study key", "estudio", "examen", "जाँच"),
    "patient": (
        "patient",
        "patient id",
        "identifier",
        "paciente",
        "identificador",
        "identifiant",
        "रोगी",
        "पहचान संख्या",
    ),
    "test": ("test", "prueba", "examination", "परीक्षण"),
    "result": ("result", "resultado", "resultat", "परिणाम"),
    "date": ("date", "tested on", "date of the test", "fecha", "date du test", "तारीख़", "तारीख"),
    "reason": ("reason", "motivo", "raison", "motif", "कारण"),
}
"""What a column may be called, in English, Spanish, French and Hindi; without accents."""
_TESTS: Final = {
    ReferenceTest.PCR: ("pcr", "rt-pcr", "pcr (covid-19)"),
    ReferenceTest.XPERT: ("xpert", "genexpert", "xpert (tuberculosis)"),
    ReferenceTest.SPUTUM: ("sputum", "esputo", "crachat", "expectoration", "थूक", "बलगम"),
    ReferenceTest.RADIOLOGIST: ("radiologist", "radiologo", "radiologue", "रेडियोलॉजिस्ट"),
}
_RESULTS: Final[Mapping[Result, tuple[str, ...]]] = {
    Outcome.POSITIVE: ("positive", "pos", "+", "positivo", "positiva", "positif", "पॉज़िटिव"),
    Outcome.NEGATIVE: ("negative", "neg", "negativo", "negativa", "negatif", "नेगेटिव"),
    Diagnosis.NORMAL: ("normal", "सामान्य"),
    Diagnosis.COVID_19: ("covid-19", "covid", "covid19"),
    Diagnosis.TUBERCULOSIS: ("tuberculosis", "tb", "tuberculose", "तपेदिक"),
    Diagnosis.OTHER_PNEUMONIA: ("other pneumonia", "pneumonia", "otra neumonia", "autre pneumonie"),
    Diagnosis.OTHER: ("other", "otro", "otra", "autre", "अन्य"),
}
_REASONS: Final = {
    Reason.SYMPTOMS: ("symptoms", "sintomas", "symptomes", "लक्षण"),
    Reason.CONTACT: ("contact", "contacto", "संपर्क"),
    Reason.ROUTINE: ("routine", "rutina", "नियमित"),
    Reason.FILM: ("film", "placa", "cliche", "फ़िल्म"),
    Reason.SAMPLE: ("sample", "lot", "drawn by lot", "sorteo", "tirage", "पर्ची"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRow:
    """One row of a table, and what it says; `rejected` is why it says nothing.

    Parameters
    ----------
    line
        Its line in the file, from 1.
    accession, study, patient
        What names its study: at least one of them, a patient with the date.
    """

    line: int
    accession: str = ""
    study: str = ""
    patient: str = ""
    entered: EnteredResult | None = None
    rejected: Rejected | None = None


def read_table(data: bytes) -> list[TableRow]:
    """Read a table.

    Raises
    ------
    Rejected
        If it is too large, no table, or lacks a column.
    """
    if len(data) > LARGEST:
        raise Rejected("This table is too large. Send it in parts.")
    text = _NAMED_SEPARATOR.sub("\n", decoded(data))
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator(text))
    try:
        rows = [(lines.line_num, [_cell(cell) for cell in row]) for row in lines if any(map(str.strip, row))]
    except csv.Error as error:
        raise Rejected("This is not a text table. Save it as CSV.") from error
    if len(rows) > MOST_ROWS + 1:
        raise Rejected("This table is too large. Send it in parts.")
    columns = _columns(rows[0][1] if rows else [])
    return [_row(line, cells, columns) for line, cells in rows[1:]]


def _cell(text: str) -> str:
    """Take a cell's text; of a number that a program wrote as a formula, so that its zeros stay, the number."""
    text = text.strip()
    return (text[2:-1] if text.startswith('="') and text.endswith('"') else text)[:_CELL]


def decoded(data: bytes) -> str:
    """Decode a table: by its mark, as UTF-8, as UTF-16 without a mark, or else as Windows writes western letters.

    Raises
    ------
    Rejected
        If it is no text.
    """
    encodings = [name for mark, name in _MARKS.items() if data.startswith(mark)]
    zeros = data[:200].count(0)
    encodings += ["utf-16-le" if data[1:2] == b"\0" else "utf-16-be"] if zeros > len(data[:200]) // 4 else ["utf-8"]
    for encoding in (*encodings, "cp1252", "latin-1"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise Rejected("This is not a text table. Save it as CSV.")


def separator(text: str) -> str:
    """Return what separates the cells of a table: what its first line has most of, outside quotation marks."""
    first = re.sub(r'"[^"]*"', "", next((line for line in text.splitlines() if line.strip()), ""))
    return max(_SEPARATORS, key=first.count)


def _columns(heads: list[str]) -> dict[str, int]:
    """Find the columns by their names.

    Raises
    ------
    Rejected
        If one is missing.
    """
    plain = [_plain(head) for head in heads]
    names = {name: {_plain(word) for word in words} for name, words in COLUMNS.items()}
    found = {name: number for name, words in names.items() for number in [_place(plain, words)] if number is not None}
    if not {"test", "result", "date"} <= found.keys() or not found.keys() & {"accession", "study", "patient"}:
        raise Rejected(
            "The first line must name the columns: test, result and date, and accession number, study or patient."
        )
    return found


def _place(heads: list[str], words: set[str]) -> int | None:
    return next((number for number, head in enumerate(heads) if head in words), None)


def _row(line: int, cells: list[str], columns: dict[str, int]) -> TableRow:
    said = {name: cells[number] if number < len(cells) else "" for name, number in columns.items()}
    named = TableRow(
        line=line, accession=said.get("accession", ""), study=said.get("study", ""), patient=said.get("patient", "")
    )
    try:
        return replace(named, entered=_entered(said, named))
    except Rejected as rejected:
        return replace(named, rejected=rejected)


def _entered(said: Mapping[str, str], named: TableRow) -> EnteredResult:
    if not (named.accession or named.study or named.patient):
        raise Rejected("This row names no study.")
    kind = _word(said["test"], _TESTS)
    if kind is None:
        raise Rejected("“%(word)s” is not a known test. Use PCR, Xpert, sputum or radiologist.", word=said["test"])
    result = _word(said["result"], _RESULTS)
    if result is None or result not in results_of(kind):
        raise Rejected("“%(word)s” is not a result of this test.", word=said["result"])
    reason = _word(said.get("reason", ""), _REASONS)
    if reason is None and said.get("reason"):
        raise Rejected("“%(word)s” is not a known reason.", word=said["reason"])
    return EnteredResult(kind=kind, result=result, tested_on=_day(said["date"]), reason=reason)


def _word(text: str, words: Mapping[T, tuple[str, ...]]) -> T | None:
    plain = _plain(text)
    return next((value for value, known in words.items() if plain in {_plain(word) for word in known}), None)


def _day(text: str) -> date:
    """Read a day as 2026-03-01, 01.03.2026, 01/03/2026 or 01-03-2026; where it could be two days, nobody guesses.

    Raises
    ------
    Rejected
        If it is none, or may be two.
    """
    if found := re.fullmatch(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T ].*)?", text):
        return _made(text, *map(int, found.groups()))
    if found := re.fullmatch(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4})", text):
        first, second, year = int(found[1]), int(found[3]), int(found[4])
        if found[2] in "/-" and first <= 12 and second <= 12 and first != second:
            raise Rejected("“%(word)s” could mean two dates. Write it as 2026-03-01: year, month, day.", word=text)
        return _made(text, year, first, second) if second > 12 else _made(text, year, second, first)
    raise Rejected("“%(word)s” is not a date. Write it as 2026-03-01: year, month, day.", word=text)


def _made(text: str, year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError:
        raise Rejected("“%(word)s” is not a date. Write it as 2026-03-01: year, month, day.", word=text) from None


def _plain(text: str) -> str:
    """Write a word without case, accents and outer spaces, to be compared."""
    letters = unicodedata.normalize("NFKD", text.strip().casefold().replace("_", " "))
    return "".join(one for one in letters if not ("\u0300" <= one <= "\u036f"))
