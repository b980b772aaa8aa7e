"""The clinic's things in the form in which the API gives them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import tzinfo

from flask_babel import gettext

from lungwise.api import extent_schemas, headline_schemas, order_schemas, schemas
from lungwise.api.identifier_schemas import Identifier
from lungwise.films import Refusal
from lungwise.films.refusals import Words, refusal_sentence, warning_sentence
from lungwise.orders.service import Order
from lungwise.patients.identity import differences
from lungwise.patients.service import Patient
from lungwise.reports.report import Report
from lungwise.studies.clinical_details import ClinicalDetails
from lungwise.studies.extent_changes import ExtentChange
from lungwise.studies.film_headers import header_of
from lungwise.studies.headlines import Headline, Headlines
from lungwise.studies.identifiers import identifiers_of_film, identifiers_of_study
from lungwise.studies.outdated_opinions import is_outdated, newest_conclusion
from lungwise.studies.service import FilmRecord, Opinion, ReadingRecord, ReferenceResult, Study, StudyOrders
from lungwise.studies.stored_answers import covid_probability, normal_and_pattern, study_answer

_OF_ORDER = (
    *("status", "accession", "study_uid", "reason", "modality", "station", "scheduled_at", "referring_physician"),
    *("ordered_by", "urgency", "way", "created_at", "changed_at"),
)
"""What the API says of an order as it is kept."""
FilmData = Callable[[FilmRecord], bytes]


def summary_of(study: Study, patient: Patient, headline: Headline, *, outdated: bool) -> schemas.StudySummary:
    """Return a study as a row of the worklist; `outdated` says that its conclusion is."""
    return schemas.StudySummary.model_validate(_summary(study, patient, headline, outdated=outdated))


def study_of(
    study: Study,
    patient: Patient,
    data: FilmData,
    headlines: Headlines,
    changes: Mapping[str, ExtentChange],
    zone: tzinfo,
    ordered: StudyOrders,
    words: Words = gettext,
) -> schemas.Study:
    """Return a study with its films and opinions.

    Parameters
    ----------
    data
        Reads the headers of films of earlier releases.
    changes
        Of the extent of opacity, by the film's key.
    zone
        The clinic's.
    ordered
        The orders that its films name.
    words
        Translates what is said of a film, by default into the language of the request.
    """
    answer = study_answer(study, patient, zone, is_doubted=bool(ordered.of_others))
    concluded = newest_conclusion(study)
    outdated = concluded is not None and is_outdated(study, concluded)
    return schemas.Study.model_validate(
        {
            **_summary(study, patient, headlines.of(answer), outdated=outdated),
            "identifiers": [asdict(one) for one in identifiers_of_study(study)],
            "orders": [
                {"key": order.key, "accession": order.accession, "status": order.status} for order in ordered.answered
            ],
            "others_orders": [order.accession for order in ordered.of_others],
            "films": [
                film_of(film, patient, data, headlines.of_film(said, answer), changes.get(film.key), words)
                for film, said in zip(study.films, answer.films, strict=True)
            ],
            "answer_version": study.answer_version,
            "opinions": [opinion_of(study, opinion) for opinion in study.opinions],
            "reference_results": [result_of(found) for found in study.reference_results],
            "clinical_details": details_of(study.clinical),
        }
    )


def report_of(report: Report, data: FilmData, headlines: Headlines, words: Words = gettext) -> schemas.Report:
    """Return everything that a report says, in its language; see `study_of`."""
    return schemas.Report(
        clinic=report.clinic,
        patient=patient_of(report.patient),
        study=study_of(
            report.study, report.patient, data, headlines, report.changes, report.zone, report.ordered, words
        ),
        verdict=report.headline.title,
        meaning=report.headline.advice,
        headline=headline_of(report.headline),
        films=[
            schemas.FilmReport(film=film.record.key, verdict=film.headline.title, sentences=list(film.sentences))
            for film in report.films
        ],
        tests=[f"{test}: {found}" for test, found in report.tests],
        limits=report.limits,
    )


def film_of(
    film: FilmRecord,
    patient: Patient,
    data: FilmData,
    headline: Headline,
    change: ExtentChange | None,
    words: Words = gettext,
) -> schemas.Film:
    """Return a film with its newest reading."""
    return schemas.Film(
        key=film.key,
        study=film.study.key,
        sha256=film.sha256,
        kind=film.kind,
        size=film.size,
        created_at=film.created_at,
        identifiers=[Identifier.model_validate(asdict(one)) for one in identifiers_of_film(film)],
        header=_header_of(film, patient, data),
        reading=_reading_of(film.reading, words) if film.reading else None,
        headline=headline_of(headline),
        extent_change=_change_of(change) if change else None,
    )


def _change_of(change: ExtentChange) -> extent_schemas.ExtentChange:
    rounded = change.rounded
    return extent_schemas.ExtentChange(
        film=change.film,
        taken_on=change.taken_on,
        points=rounded.points,
        repeatability=rounded.repeatability,
        direction=change.difference.direction.value,
    )


def headline_of(headline: Headline) -> headline_schemas.Headline:
    """Return what the pages say first."""
    number, source = headline.number, headline.source
    return headline_schemas.Headline(
        level=headline.level.value,
        text=headline.text,
        number=headline_schemas.LeadingNumber(value=number.value, sentence=number.sentence) if number else None,
        film=source.film if source else None,
    )


def order_of(order: Order, patient: Patient) -> order_schemas.Order:
    """Return an order of a patient."""
    placer = order.placer
    return order_schemas.Order.model_validate(
        {
            "key": order.key,
            "patient": patient.key,
            "study": order.study_key,
            "placer": asdict(placer) if placer else None,
            "procedure": asdict(order.procedure),
            **{name: getattr(order, name) for name in _OF_ORDER},
        }
    )


def opinion_of(study: Study, opinion: Opinion) -> schemas.Opinion:
    """Return an opinion of a study."""
    return schemas.Opinion.model_validate(
        {
            "id": opinion.id,
            "author": opinion.author_name,
            "role": opinion.author_role,
            "created_at": opinion.created_at,
            "agrees": opinion.agrees,
            "conclusion": opinion.conclusion,
            "other": opinion.other,
            "note": opinion.note,
            "outdated": is_outdated(study, opinion),
        }
    )


def result_of(found: ReferenceResult) -> schemas.ReferenceResult:
    """Return a reference result."""
    return schemas.ReferenceResult.model_validate(
        {
            "key": found.key,
            "test": found.kind,
            "result": found.result,
            "tested_on": found.tested_on,
            "reason": found.reason,
            "author": found.author_name,
            "created_at": found.created_at,
        }
    )


def details_of(details: ClinicalDetails) -> schemas.ClinicalDetails:
    """Return what is known beside the films."""
    return schemas.ClinicalDetails.model_validate(asdict(details))


def patient_of(patient: Patient) -> schemas.Patient:
    """Return a patient."""
    return schemas.Patient.model_validate(patient_fields(patient))


def patient_fields(patient: Patient) -> dict[str, object]:
    """Return a patient's fields, for a form that holds more."""
    return {
        "key": patient.key,
        **asdict(patient.facts),
        "identity": _identity(patient),
    }


def _identity(patient: Patient) -> str:
    return "unclear" if patient.is_unclear else "clear"


def _header_of(film: FilmRecord, patient: Patient, data: FilmData) -> schemas.Header | None:
    said = header_of(film, data)
    if said is None:
        return None
    return schemas.Header.model_validate({**asdict(said), "differs": bool(differences(patient.facts, said))})


def _summary(study: Study, patient: Patient, headline: Headline, *, outdated: bool) -> dict[str, object]:
    return {
        "key": study.key,
        "patient": patient.key,
        "identity": _identity(patient),
        "created_at": study.created_at,
        "standing": study.status,
        "probability": covid_probability(study),
        "conclusion": study.conclusion,
        "conclusion_outdated": outdated,
        "pcr": study.pcr,
        "headline": headline_of(headline),
        "unread": study.unread,
    }


def _reading_of(reading: ReadingRecord, words: Words) -> schemas.Reading:
    refusal = reading.refusal
    normal, pattern = normal_and_pattern(reading) if reading.verdict else (None, None)
    return schemas.Reading.model_validate(
        {
            "created_at": reading.created_at,
            "model": {"name": reading.model, "version": reading.version},
            "verdict": reading.verdict,
            "probability": reading.probability,
            "appearance": reading.appearance,
            "findings": reading.findings,
            "normal": normal and asdict(normal),
            "pattern": pattern,
            "extent": reading.extent and {name: round(value, 1) for name, value in asdict(reading.extent).items()},
            "view": reading.view,
            "thresholds": reading.thresholds,
            "refusal": refusal and _refusal(refusal, words),
            "warnings": [{"code": code, "sentence": warning_sentence(code, words)} for code in reading.warnings or []],
        }
    )


def _refusal(refusal: Refusal, words: Words) -> dict[str, object]:
    values = {name: value for name, value in refusal.values.items() if name != "sentence"}
    return {"code": refusal.code, "reason": refusal_sentence(refusal, words), "values": values}
