"""The results of a study's films as DICOM objects, made from study, patient and report."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from functools import partial

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import UID, SecondaryCaptureImageStorage

from lungwise.access import Person
from lungwise.errors import Rejected
from lungwise.films import Refusal
from lungwise.films.dicom.header import RequestedProcedure, read_header
from lungwise.films.dicom.transfer_syntax import syntax_of
from lungwise.films.refusals import CHILD
from lungwise.orders.service import Order
from lungwise.patients.service import Patient
from lungwise.reading.reading import Reading, Verdict
from lungwise.reading.regions import LEVEL
from lungwise.receiving.duplicates import is_renamed
from lungwise.receiving.own_results import result_series_uid
from lungwise.reports.report import Report
from lungwise.reports.service import Reports
from lungwise.results.result import FILM, SERIES, FilmResult, Series
from lungwise.results.result_objects import (
    ReadFilm,
    Statement,
    file_bytes,
    film_object,
    study_objects,
)
from lungwise.results.study_header import OrderFacts, StudyFacts, study_header
from lungwise.settings.checks import RESULT_OBJECTS
from lungwise.studies.headlines import missing_sentence
from lungwise.studies.outdated_opinions import newest_conclusion, was_read_before
from lungwise.studies.service import FilmRecord, ReadingRecord, Studies, Study
from lungwise.studies.stored_answers import normal_and_pattern, raised_of, study_answer
from lungwise.studies.uids import own_uid

_NAMES = {
    "SR": "structured-report.dcm",
    "OT": "heat-map.dcm",
    "PR": "outlines.dcm",
    "SEG": "segmentation.dcm",
    "DOC": "report.dcm",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """An object that is not made yet: of which film, in which series; without a kind, a film that came as a picture."""

    film: FilmRecord
    uid: str
    series: Series = FILM
    kind: str = ""


class FilmResults:
    """Makes the DICOM objects of a clinic's films.

    Parameters
    ----------
    zone
        The clinic's time zone; None for the computer's.
    """

    def __init__(self, studies: Studies, reports: Reports, clinic: str, zone: tzinfo | None = None) -> None:
        self._studies = studies
        self._reports = reports
        self._clinic = clinic
        self._zone = zone
        self._with_pdf: dict[str, bool] = {}

    def of(self, person: Person, films: Iterable[FilmRecord], kinds: Collection[str] = RESULT_OBJECTS) -> list[Dataset]:
        """Make the results of films: of each study one report for all of them that were read; of these kinds alone."""
        return [item for group in _studies_of(films) for item in self._of_study(person, group, kinds)] if kinds else []

    def of_film(self, person: Person, film: FilmRecord) -> list[Dataset]:
        """Make the results of a film's study, without the heat maps and outlines of the study's other films."""
        uid = film.instance_uid or own_uid("film", film.key)
        whole = self.of(person, [other for other in film.study.films if other.study_uid == film.study_uid])
        return [item for item in whole if uid in _sources(item, uid)] if film.reading else []

    def film(self, person: Person, film: FilmRecord) -> Dataset | None:
        """Make a DICOM object of a film that came as a picture; None if it cannot be decoded."""
        return film_object(self._studies.data(film), self._facts_alone(person, film))

    def original(self, film: FilmRecord) -> Callable[[], bytes]:
        """Return what loads a film's file, with the UIDs that the film has here.

        The file has others where the film was renamed, or where its header states none.
        """
        uids = (film.study_uid or "", film.series_uid or "", film.instance_uid or "")
        return partial(_identified, self._studies.loader(film), uids)

    def outlines(self, person: Person, films: Sequence[FilmRecord]) -> list[Outline]:
        """Describe the objects of films that came as pictures and all results, without making or reading any."""
        pictures = [film for film in films if film.kind != "DICOM"]
        own = [Outline(film=film, uid=film.series_uid or own_uid("series", film.key)) for film in pictures]
        return own + [one for group in _studies_of(films) for one in self._outlines(person, group)]

    def header(self, person: Person, film: FilmRecord) -> Dataset:
        """Describe the study and the patient of a film that came as a picture."""
        item = Dataset()
        study_header(b"", self._facts_alone(person, film)).put_into(item)
        return item

    def _outlines(self, person: Person, films: Sequence[FilmRecord]) -> Iterator[Outline]:
        first, last = films[0], films[-1]
        yield _outline(first, last.reading, "SR")
        for film in films:
            if film.reading and film.reading.verdict:
                yield _outline(film, film.reading, "SC")
                heat_map = film.reading.heat_map
                if heat_map is not None and heat_map.max() >= LEVEL:
                    yield _outline(film, film.reading, "GSPS")
                    yield _outline(film, film.reading, "SEG")
        if self._has_pdf(person, first.study):
            yield _outline(first, last.reading, "PDF")

    def _of_study(self, person: Person, films: Sequence[FilmRecord], kinds: Collection[str]) -> list[Dataset]:
        return study_objects(self._read(person, films), self._statement(person, films[0], "PDF" in kinds), kinds)

    def _read(self, person: Person, films: Sequence[FilmRecord]) -> list[ReadFilm]:
        """Put together what is known of a study's films, asking once for what they have in common."""
        study = films[0].study
        patient = self._studies.patient(person, study)
        orders = self._studies.orders_of(study)
        is_doubted = bool(self._studies.orders_of_others(study))
        answer = study_answer(study, patient, self._zone or UTC, is_doubted=is_doubted)
        changes = self._studies.extent_changes(person, study, patient)
        said = newest_conclusion(study) or next(reversed(study.opinions), None)
        return [
            ReadFilm(
                data=self._studies.data(film),
                facts=self._facts(film, patient, orders),
                result=FilmResult(
                    outcome=_reading(film.reading) or film.reading.refusal or Refusal(""),
                    model=film.reading.model,
                    version=film.reading.version,
                    made_at=film.reading.created_at,
                    is_child=CHILD in answer.warnings,
                    is_unclear=answer.is_unclear,
                    change=changes.get(film.key),
                    is_concluded_on=said is None or was_read_before(film, said),
                ),
            )
            for film in films
            if film.reading is not None
        ]

    def _has_pdf(self, person: Person, study: Study) -> bool:
        """Ask once for all films of a study."""
        if study.key not in self._with_pdf:
            patient = self._studies.patient(person, study)
            self._with_pdf[study.key] = self._reports.has_pdf(study, patient, self._clinic)
        return self._with_pdf[study.key]

    def archive(self, person: Person, film: FilmRecord) -> bytes:
        """Pack the results of a film into a ZIP."""
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as files:
            for item in self.of_film(person, film):
                files.writestr(_NAMES[item.Modality], file_bytes(item))
            if film.kind != "DICOM" and (own := self.film(person, film)) is not None:
                files.writestr("film.dcm", file_bytes(own))
        return out.getvalue()

    def _statement(self, person: Person, film: FilmRecord, with_pdf: bool) -> Statement:
        study = film.study
        report = self._reports.of(person, study.key, self._clinic, str)
        return Statement(
            pdf=self._report(person, study) if with_pdf else None,
            sentences=tuple(_sentences(report)),
            diagnosis=study.conclusion or "",
            changed_at=study.changed_at,
            missing=_missing(report),
            sent=tuple(self._studies.sent_reports.of(study.id, film.study_uid or "")),
        )

    def _report(self, person: Person, study: Study) -> bytes | None:
        """Write the study's report; None where no font has the letters of a name: the other results go without it."""
        try:
            return self._reports.pdf(person, study.key, self._clinic)
        except Rejected:
            return None

    def _facts_alone(self, person: Person, film: FilmRecord) -> StudyFacts:
        return self._facts(film, self._studies.patient(person, film.study), self._studies.orders_of(film.study))

    def _facts(self, film: FilmRecord, patient: Patient, orders: list[Order]) -> StudyFacts:
        return StudyFacts(
            study_uid=film.study_uid or own_uid("study", film.study.key),
            series_uid=film.series_uid or own_uid("series", film.key),
            film_uid=film.instance_uid or own_uid("film", film.key),
            patient_id=patient.identifier,
            patient_name=patient.name,
            sex=patient.sex,
            birth_date=patient.birth_date,
            made_at=film.created_at,
            study_key=film.study.key,
            zone=self._zone,
            photographed=film.photographed,
            ordered=_ordered(film, orders),
            accession=film.accession or "",
            renamed=(film.instance_uid or "") if is_renamed(film) else "",
        )


def _ordered(film: FilmRecord, orders: list[Order]) -> OrderFacts | None:
    """Return what the order says that a film answers, where it is clear which one that is."""
    named = [one for one in orders if film.accession in ("", one.accession)]
    return _order_facts(named[0]) if len(named) == 1 else None


def _order_facts(order: Order) -> OrderFacts:
    procedure = order.procedure
    code = (procedure.code, procedure.scheme, procedure.description or procedure.code)
    requested = RequestedProcedure(
        accession_number=order.accession,
        study_uid=order.study_uid,
        procedure_id=order.accession,
        description=procedure.description,
        step_id=order.accession,
        step_description=procedure.description,
        code=code if procedure.code and procedure.scheme else None,
    )
    return OrderFacts(accession=order.accession, referring_physician=order.referring_physician, requested=requested)


def _studies_of(films: Iterable[FilmRecord]) -> Iterable[list[FilmRecord]]:
    """Group the films that were read by their study, and by its UID."""
    groups: dict[tuple[int, str | None], list[FilmRecord]] = {}
    for film in films:
        if film.reading is not None:
            groups.setdefault((film.study_id, film.study_uid), []).append(film)
    return groups.values()


def _outline(film: FilmRecord, reading: ReadingRecord | None, kind: str) -> Outline:
    model, version = (reading.model, reading.version) if reading else ("", "")
    uid = result_series_uid(film.study_uid or "", film.study.key, model, version, kind)
    return Outline(film=film, uid=uid, series=SERIES[kind], kind=kind)


def _sources(item: Dataset, study: str) -> set[str]:
    """Return the UIDs of the films that an object is of; `study` for one that is of all films of the study."""
    if item.Modality == "PR":
        series = item.ReferencedSeriesSequence
        return {str(one.ReferencedSOPInstanceUID) for each in series for one in each.ReferencedImageSequence}
    return {str(one.ReferencedSOPInstanceUID) for one in item.get("SourceImageSequence", ())} or {study}


def _sentences(report: Report) -> Iterable[str]:
    """Write what persons say of a study, and what tests found."""
    yield from (f"{one.author}, {one.time}: {'. '.join(one.sentences)}" for one in report.opinions)
    yield from (f"{test}: {result}" for test, result in report.tests)


def _missing(report: Report) -> str:
    """Say that films were given up; those that were refused are in the results, each with its reason."""
    answer = study_answer(report.study, report.patient, report.zone, is_doubted=bool(report.ordered.of_others))
    given_up = [film for film in answer.missing if not film.is_refused]
    return missing_sentence(str, len(given_up)) if given_up else ""


def _identified(load: Callable[[], bytes], uids: tuple[str, str, str]) -> bytes:
    """Load a film's file, written anew where the UIDs of its study, series or instance are not these.

    Raises
    ------
    Refusal
        If it cannot be written anew.
    """
    data = load()
    header = read_header(data)
    if header is None:
        return data
    stated = (header.study_uid, header.series_uid, header.instance_uid)
    given = tuple(uid or own for uid, own in zip(uids, stated, strict=True))
    if given == stated:
        return data
    syntax = syntax_of(data)
    try:
        item = dcmread(io.BytesIO(data), force=True)
        item.StudyInstanceUID, item.SeriesInstanceUID, item.SOPInstanceUID = map(UID, given)
        item.SOPClassUID = item.get("SOPClassUID") or SecondaryCaptureImageStorage  # as its results refer to it
        item.file_meta.TransferSyntaxUID = UID(syntax)
        return file_bytes(item)
    except Exception as error:  # whatever a sender wrote wrongly
        raise Refusal("unsupported", {"detail": "syntax", "syntax": syntax[:64]}) from error


def _reading(record: ReadingRecord) -> Reading | None:
    heat_map = record.heat_map
    if record.verdict is None or record.probability is None or heat_map is None:
        return None
    normal, pattern = normal_and_pattern(record)
    return Reading(
        probability=record.probability,
        verdict=Verdict(record.verdict),
        appearance=record.appearance,
        findings=record.findings,
        normal=normal,
        pattern=pattern,
        raised=raised_of(record),
        heat_map=heat_map,
        quarter_turns=record.quarter_turns,
        model=record.model,
        version=record.version,
        warnings=tuple(record.warnings or ()),
        extent=record.extent,
        thresholds=record.own_thresholds,
        view=record.view,
    )
