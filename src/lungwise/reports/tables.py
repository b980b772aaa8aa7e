"""A worklist as a CSV table."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import UTC, date, tzinfo

from lungwise.inputs import harmless_cell
from lungwise.studies.headlines import Headlines
from lungwise.studies.outdated_opinions import other_diagnosis
from lungwise.studies.reference_tests import ReferenceTest
from lungwise.studies.service import Study
from lungwise.studies.stored_answers import covid_probability
from lungwise.studies.worklist import WorklistRow

_TESTS = {
    ReferenceTest.PCR: "PCR",
    ReferenceTest.XPERT: "Xpert",
    ReferenceTest.SPUTUM: "sputum",
    ReferenceTest.RADIOLOGIST: "radiologist",
}
_COLUMNS = (
    *("study", "at", "identifier", "name", "sex", "birth date", "verdict", "probability", "conclusion"),
    *(f"{name}{part}" for name in _TESTS.values() for part in ("", " date", " reason")),
    *("symptoms", "SpO2", "level", "headline", "taken"),
    *("extent", "Brixia score", "extent change", "extent repeatability", "compared with film of", "thresholds"),
    *("conclusion outdated", "other diagnosis", "films", "films not read"),
)
Cell = str | int | float | date


def worklist_csv(lines: Iterable[WorklistRow], headlines: Headlines, zone: tzinfo = UTC) -> str:
    """Write one row for each study, its moment in a zone."""
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(_COLUMNS)
    for line in lines:
        study, patient, headline = line.study, line.patient, headlines.of(line.answer)
        probability = covid_probability(study)
        table.writerow(
            (
                study.key,
                study.created_at.astimezone(zone).isoformat(timespec="seconds"),
                harmless_cell(patient.identifier),
                harmless_cell(patient.name),
                patient.sex,
                patient.birth_date or "",
                study.status,
                "" if probability is None else f"{probability:.3f}",
                study.conclusion or "",
                *_tests(study),
                *_clinical(study),
                headline.level,
                headline.text,
                study.taken_at.astimezone(zone).date(),
                *_extent(line),
                "; ".join(line.answer.thresholds),
                "yes" if line.is_outdated else "",
                harmless_cell(other_diagnosis(study)),
                len(line.answer.films),
                len(line.answer.films) - len(line.answer.read),
            )
        )
    return out.getvalue()


def _tests(study: Study) -> Iterator[Cell]:
    """Write the newest result of each test with its date and reason."""
    newest = study.newest_results
    for kind in _TESTS:
        found = newest.get(kind)
        yield from (found.result, found.tested_on or "", found.reason or "") if found else ("", "", "")


def _extent(line: WorklistRow) -> Iterator[Cell]:
    """Write the extent of opacity on the film that has most of it, in per cent, and its change, in points."""
    film = line.answer.most_opaque
    if film is None or film.extent is None:
        yield from ("",) * 5
        return
    yield from (f"{film.extent.percent:.1f}", f"{film.extent.brixia:.1f}")
    change = line.changes.get(film.key)
    yield change.rounded.points if change else ""
    yield change.rounded.repeatability if change else f"{film.extent.repeatability:.1f}"
    yield change.taken_on if change else ""


def _clinical(study: Study) -> tuple[Cell, Cell]:
    details = study.clinical
    said = "; ".join(filter(None, (*details.symptoms, details.other)))
    return harmless_cell(said), "" if details.spo2 is None else details.spo2
