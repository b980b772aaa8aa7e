"""Everything that a clinic keeps about a patient, in one ZIP file with an index."""

from __future__ import annotations

import hashlib
import html
import json
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import IO, Any

from sqlalchemy import inspect

from lungwise import __version__
from lungwise.access import Person, Right
from lungwise.errors import Contradiction
from lungwise.films.formats import suffix_of
from lungwise.films.refusals import N_, Words
from lungwise.orders.service import Order
from lungwise.patients.service import Patient, Patients
from lungwise.reports.service import Reports
from lungwise.store import Base, Clock
from lungwise.studies.film_data import not_fetched
from lungwise.studies.pictures import as_png, heat_layer, upright
from lungwise.studies.prior_models import PriorFilm
from lungwise.studies.priors import Priors
from lungwise.studies.service import FilmRecord, Studies, Study
from lungwise.text_direction import isolated

_TITLE = N_("Everything about a patient")
_HEAT_SIDE = 960
"""Width and height of a heat map's picture, in pixels."""
_PAGE = """<!doctype html>
<html><head><meta charset="utf-8"><title>{title}</title></head>
<body><h1>{title}</h1><p>{about}</p>
<table><tbody>
{rows}
</tbody></table></body></html>
"""


class PatientExport:
    """Writes all that is kept about a patient.

    Parameters
    ----------
    words
        Translates a message id into the reader's language.
    """

    def __init__(
        self, studies: Studies, patients: Patients, priors: Priors, reports: Reports, clock: Clock, words: Words
    ) -> None:
        self._studies = studies
        self._patients = patients
        self._priors = priors
        self._reports = reports
        self._clock = clock
        self._words = words

    def write(self, person: Person, key: str, clinic: str, out: IO[bytes]) -> None:
        """Write the ZIP file of a patient: films as they came, readings, opinions, results, reports, and an index.

        Raises
        ------
        NotFound
            If the person may not export, or their clinic has no such patient.
        Unavailable
            If the store does not give a film.
        """
        person.need(Right.EXPORT)
        person.need(Right.SEE_ALL)
        patient = self._patients.get(person, key)
        studies, orders = self._studies.of_patient(person, patient), self._studies.orders.of_patient(patient.id)
        self._write(person, patient, studies, orders, clinic, out, self._priors.of_patient(person, patient))

    def write_study(self, person: Person, key: str, clinic: str, out: IO[bytes]) -> None:
        """Write the same of one study and its patient, with the patient's earlier films: they may go with the study."""
        study = self._studies.get(person, key)
        patient = self._studies.patient(person, study)
        orders, priors = self._studies.orders_of(study), self._priors.of_patient(person, patient)
        self._write(person, patient, [study], orders, clinic, out, priors)

    def _write(
        self,
        person: Person,
        patient: Patient,
        studies: Sequence[Study],
        orders: Sequence[Order],
        clinic: str,
        out: IO[bytes],
        priors: Sequence[PriorFilm],
    ) -> None:
        with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
            files = _Files(archive)
            files.add(
                "patient.json", N_("The patient, and what was known before each change"), self._of(person, patient)
            )
            if orders:
                files.add("orders.json", N_("What was ordered"), _as_json([_order(one) for one in orders]))
            for study in studies:
                self._add_study(files, person, study, clinic)
            for prior in priors:
                name = f"earlier-films/{prior.taken_on}-{prior.key}.dcm"
                files.add(name, N_("An earlier film, fetched from an archive"), self._priors.data(prior))
            about = {"patient": patient.key, "clinic": clinic, "made_at": self._clock(), "lungwise": __version__}
            archive.writestr("index.json", _as_json({**about, "files": files.listed}))
            archive.writestr("index.html", self._page(files.listed, patient))

    def _of(self, person: Person, patient: Patient) -> bytes:
        history = self._patients.history(person, patient)
        before = [{"until": one.at, "changed_by": one.person_name, **asdict(one.facts)} for one in history]
        return _as_json({**row_values(patient), "before": before})

    def _add_study(self, files: _Files, person: Person, study: Study, clinic: str) -> None:
        folder = f"studies/{self._reports.day_of(study.created_at)}-{study.key}"
        files.add(f"{folder}/study.json", N_("Readings, opinions, test results and symptoms"), _study(study))
        for film in study.films:
            name = f"{folder}/films/{film.key}.{suffix_of(film.kind) or 'bin'}"
            files.add(name, N_("A film as it came"), self._studies.data(film))
            if heat := _heat(film):
                files.add(f"{folder}/heat-maps/{film.key}.png", N_("Where the model looked"), heat)
        objects = self._studies.objects_of(person, study)
        if objects.unfetched:  # nothing that is kept may be missing here
            raise not_fetched()
        for item in objects.theirs:
            data = self._studies.objects.data(item)
            files.add(f"{folder}/objects/{item.key}.dcm", N_("A document beside the films"), data)
        for name, data in self._written(person, study, clinic):
            files.add(f"{folder}/{name}", N_("The report"), data)

    def _written(self, person: Person, study: Study, clinic: str) -> Iterator[tuple[str, bytes]]:
        from lungwise.reports.fhir import bundle  # its library loads for half a second, and few ask for it

        yield "report.fhir.json", bundle(self._reports.of(person, study.key, clinic, str)).encode()
        try:
            yield "report.pdf", self._reports.pdf(person, study.key, clinic)
        except Contradiction:  # no font has these letters; what would be in it is in the other files
            return

    def _page(self, files: list[dict[str, Any]], patient: Patient) -> str:
        words = self._words
        title = words(_TITLE)
        about = ", ".join(map(isolated, filter(None, (patient.name, patient.identifier))))
        rows = (
            f'<tr><td><a href="{html.escape(one["name"])}">{html.escape(one["name"])}</a></td>'
            f"<td>{html.escape(words(one['what']))}</td></tr>"
            for one in files
        )
        return _PAGE.format(title=html.escape(title), about=html.escape(about), rows="\n".join(rows))


class _Files:
    """Puts files into an archive, and lists them."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self.listed: list[dict[str, Any]] = []

    def add(self, name: str, what: str, data: bytes) -> None:
        """Put a file in."""
        self._archive.writestr(name, data)
        self.listed.append({"name": name, "what": what, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()})


def row_values(row: Base) -> dict[str, Any]:
    """Return what a row says, decrypted, without numbers that mean something in the database alone."""
    names = (column.key.removesuffix("_encrypted") for column in inspect(type(row)).column_attrs)
    said = (name for name in names if not name.endswith(("_id", "_index")))
    return {name: getattr(row, name) for name in said if name not in ("id", "heat", "clinical", "stated")}


def _order(order: Order) -> dict[str, Any]:
    said = row_values(order)
    placer, procedure = order.placer, order.procedure
    return {**said, "placer": asdict(placer) if placer else None, "procedure": asdict(procedure)}


def _study(study: Study) -> bytes:
    films = [{**row_values(film), "readings": [row_values(one) for one in film.readings]} for film in study.films]
    return _as_json(
        {
            **row_values(study),
            "clinical": json.loads(study.clinical_json) if study.clinical_json else None,
            "stated": json.loads(study.stated_json) if study.stated_json else None,
            "films": films,
            "opinions": [row_values(one) for one in study.opinions],
            "test_results": [row_values(one) for one in study.reference_results],
        }
    )


def _heat(film: FilmRecord) -> bytes | None:
    heat = film.reading.heat_map if film.reading else None
    return None if heat is None else as_png(heat_layer(upright(heat, film.quarter_turns), (_HEAT_SIDE, _HEAT_SIDE)))


def _as_json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1, default=_said).encode()


def _said(value: object) -> str:
    if isinstance(value, datetime | date):
        return value.isoformat()
    raise TypeError(type(value).__name__)
