"""A report as HL7 FHIR: a bundle of the patient, a DiagnosticReport, and an Observation for each film.

Written with FHIR R4B's models, whose resources here are R4's own (R4B, "Differences to R4"). `fhir_imaging` writes what
joins them to the images: study, order and model.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.diagnosticreport import DiagnosticReport
from fhir.resources.R4B.observation import Observation
from fhir.resources.R4B.patient import Patient as PatientResource

from lungwise.patients.identity import PatientFacts
from lungwise.reading.extent import Extent
from lungwise.reading.findings import FINDING_NAMES, finding_named
from lungwise.reports import fhir_imaging
from lungwise.reports.patient_systems import PatientSystems
from lungwise.reports.report import FilmReport, Report
from lungwise.studies.extent_changes import ExtentChange
from lungwise.studies.first_day import first_day
from lungwise.studies.labels import REASONS, SYMPTOMS, TESTS
from lungwise.studies.outdated_opinions import covers, is_concluded, newest_conclusion, stated_conclusion
from lungwise.studies.reference_tests import Reason, ReferenceTest
from lungwise.studies.report_identifiers import ReportIdentifiers
from lungwise.studies.service import FilmRecord, ReadingRecord, ReferenceResult, Study, StudyStatus

Fields = dict[str, Any]
_SYSTEM = "urn:lungwise"
_TAGS = "urn:lungwise:tags"
_CODES = "http://terminology.hl7.org/CodeSystem/"
_CHEST: Fields = {
    "coding": [{"system": "http://loinc.org", "code": "30745-4", "display": "XR Chest Views"}],
    "text": "Chest X-ray",
}
_APPEARANCE: Fields = {"text": "Probability of COVID-19 by its appearance on a chest film"}
_RADIOLOGY: Fields = {"coding": [{"system": _CODES + "v2-0074", "code": "RAD", "display": "Radiology"}]}
_IMAGING: Fields = {"coding": [{"system": _CODES + "observation-category", "code": "imaging"}]}
_LABORATORY: Fields = {"coding": [{"system": _CODES + "observation-category", "code": "laboratory"}]}
_VITAL_SIGNS: Fields = {"coding": [{"system": _CODES + "observation-category", "code": "vital-signs"}]}
_RNA: Fields = {"system": "http://loinc.org", "code": "94500-6"}
_SPO2: list[Fields] = [{"system": "http://loinc.org", "code": code} for code in ("2708-6", "59408-5")]
_SNOMED = "http://snomed.info/sct"
_OUTCOMES: dict[str, Fields] = {
    "positive": {"system": _SNOMED, "code": "10828004", "display": "Positive"},
    "negative": {"system": _SNOMED, "code": "260385009", "display": "Negative"},
}
_GENDERS = {"F": "female", "M": "male", "O": "other", "": "unknown"}
_INTERPRETATIONS = {"positive": "POS", "negative": "NEG", "uncertain": "IND"}
_SPACE = uuid.UUID("5b2f6c1e-7d0a-5e0f-9a3d-6c756e677769")
"""Names of our own resources are made from their keys in this space: the same study gives the same names."""


def bundle(report: Report) -> str:
    """Write the bundle as JSON."""
    resources = said_of_films(report)
    resources |= {_name(found.key): _test(found, report) for found in report.study.reference_results}
    if report.study.clinical.spo2 is not None:
        resources[_name(f"{report.study.key} SpO2")] = _saturation(report.study.clinical.spo2, report)
    fields: Fields = {
        "type": "collection",
        "entry": [{"fullUrl": name, "resource": resource} for name, resource in resources.items()],
    }
    text: str = Bundle(**fields).model_dump_json()
    return text


def said_of_films(report: Report, systems: PatientSystems | None = None) -> dict[str, Any]:
    """Write all that a report says except what was measured elsewhere: each resource, by its name in a bundle."""
    resources = {
        report.patient.key: _patient(
            report.patient.facts, systems or PatientSystems(), is_unclear=report.patient.is_unclear
        ),
        report.study.key: _diagnostic_report(report),
        **fhir_imaging.imaging_studies(report, _name),
        **fhir_imaging.devices(report),
        **{film.record.key: _observation(film, reading, report) for film, reading in _read(report)},
    }
    return {_name(key): resource for key, resource in resources.items()}


def withdrawn(identifiers: ReportIdentifiers, systems: PatientSystems) -> dict[str, Any]:
    """Write that a report and its observations were entered in error: of each what FHIR requires, and whose it was.

    They keep the patient, so that whoever looks into that record finds there that the report does not hold.
    """
    patient = _name(identifiers.patient)
    common: Fields = {"status": "entered-in-error", "subject": {"reference": patient}}
    named: Fields = {"identifier": [{"system": f"{_SYSTEM}:study", "value": identifiers.study}]}
    resources = {
        patient: _patient(identifiers.facts, systems),
        _name(identifiers.study): DiagnosticReport(**named, **common, code=_CHEST),
    }
    for film in identifiers.films:
        named = {"identifier": [{"system": f"{_SYSTEM}:film", "value": film}]}
        resources[_name(film)] = Observation(**named, **common, code=_APPEARANCE)
    return resources


def _read(report: Report) -> list[tuple[FilmReport, ReadingRecord]]:
    return [(film, film.record.reading) for film in report.films if film.record.reading]


def _patient(facts: PatientFacts, systems: PatientSystems, *, is_unclear: bool = False) -> PatientResource:
    identifier: Fields = {"system": systems.system_of(facts), "value": facts.identifier}
    if facts.issuer:
        identifier["assigner"] = {"display": facts.issuer}
    fields: Fields = {
        "identifier": [identifier],
        "gender": _GENDERS[facts.sex],
        "birthDate": facts.birth_date,
    }
    if names := dict.fromkeys(facts.names):
        fields["name"] = [{"text": name} for name in names]
    if is_unclear:
        fields["meta"] = {"tag": [{"system": _TAGS, "code": "identity-unclear", "display": "Identity unclear"}]}
    return PatientResource(**fields)


def _diagnostic_report(report: Report) -> DiagnosticReport:
    """Write the report: preliminary as long as a model alone has read a film of it."""
    study = report.study
    conclusion = stated_conclusion(study)
    doctors = f"Doctor's conclusion: {conclusion}." if conclusion else ""
    remark = report.conclusion_remark and f"{report.conclusion_remark}."
    opinions = (f"{one.author}, {one.time}: {'. '.join(one.sentences)}" for one in report.opinions)
    headline = (report.headline.text, *report.headline.remarks)
    said = (doctors, remark, _symptoms(study), *headline, report.limits, report.identity_warning)
    fields: Fields = {
        "identifier": [{"system": f"{_SYSTEM}:study", "value": study.key}, *fhir_imaging.accessions(report)],
        "basedOn": fhir_imaging.orders(report) or None,
        "status": status_of(study),
        "category": [_RADIOLOGY],
        "code": _CHEST,
        "subject": {"reference": _name(report.patient.key)},
        "effectiveDateTime": _taken(report, *study.films),
        "issued": _issued(study),
        "imagingStudy": [{"reference": _name(uid)} for uid in fhir_imaging.study_uids(study)] or None,
        "performer": [{"display": report.clinic}],
        "conclusion": " ".join(filter(None, (*said, *opinions))),
        "result": [{"reference": _name(film.record.key)} for film, _ in _read(report)] or None,
    }
    return DiagnosticReport(**fields)


def _taken(report: Report, *films: FilmRecord) -> date | datetime:
    """Return the day on which the first film was taken, or else when they came, as for a day that lies ahead."""
    return first_day(report.study, films, report.zone) or report.study.created_at


def _symptoms(study: Study) -> str:
    details = study.clinical
    named = (*(SYMPTOMS[one] for one in details.symptoms), details.other)
    return f"Symptoms: {', '.join(filter(None, named))}." if any(named) else ""


def _observation(film: FilmReport, reading: ReadingRecord, report: Report) -> Observation:
    concluded = newest_conclusion(report.study)
    fields: Fields = {
        "identifier": [{"system": f"{_SYSTEM}:film", "value": film.record.key}],
        "basedOn": fhir_imaging.orders(report) or None,
        "status": "final" if concluded and covers(concluded, film.record) else "preliminary",
        "category": [_IMAGING],
        "code": _APPEARANCE,
        "subject": {"reference": _name(report.patient.key)},
        "effectiveDateTime": _taken(report, film.record),
        "issued": reading.created_at,
        "method": {"text": _method(reading)},
        "device": {"reference": _name(fhir_imaging.device_key(reading))},
        "derivedFrom": fhir_imaging.derived_from(film.record, _name) or None,
        "note": [{"text": sentence} for sentence in (film.headline.text, *film.sentences)],
        **_value(film, reading, report.changes.get(film.record.key)),
    }
    return Observation(**fields)


def _method(reading: ReadingRecord) -> str:
    """Name the model, and the clinic's own thresholds where the film was read by them."""
    own = reading.own_thresholds
    return f"Lungwise, model {reading.model} {reading.version}" + (f", thresholds {own.id}" if own else "")


def _result_codes(result: str) -> list[Fields] | None:
    """Code what was found; what a radiologist saw as the finding of that name."""
    if result in _OUTCOMES:
        return [_OUTCOMES[result]]
    if result not in FINDING_NAMES:
        return None
    code = finding_named(result).code
    return [{"system": _SNOMED, "code": code.value, "display": code.meaning}]


def _test(found: ReferenceResult, report: Report) -> Observation:
    """Write what a test found. Only the PCR test's code is sure: LOINC tells Xpert's versions apart."""
    pcr = {"coding": [_RNA]} if found.kind == ReferenceTest.PCR else {}
    radiologist = found.kind == ReferenceTest.RADIOLOGIST
    fields: Fields = {
        "identifier": [{"system": f"{_SYSTEM}:test", "value": found.key}],
        "status": "final",
        "category": [_IMAGING if radiologist else _LABORATORY],
        "code": {"text": TESTS[ReferenceTest(found.kind)], **pcr},
        "subject": {"reference": _name(report.patient.key)},
        "effectiveDateTime": found.tested_on,
        "issued": found.created_at,
        "valueCodeableConcept": {"coding": _result_codes(found.result), "text": found.result},
        "note": [{"text": REASONS[Reason(found.reason)]}] if found.reason else None,
    }
    return Observation(**fields)


def _saturation(spo2: int, report: Report) -> Observation:
    """Write the oxygen saturation as FHIR's profile of vital signs wants it."""
    fields: Fields = {
        "status": "final",
        "category": [_VITAL_SIGNS],
        "code": {"coding": _SPO2, "text": "SpO2"},
        "subject": {"reference": _name(report.patient.key)},
        "effectiveDateTime": _taken(report, *report.study.films),
        "valueQuantity": {"value": spo2, "unit": "%", "system": "http://unitsofmeasure.org", "code": "%"},
    }
    return Observation(**fields)


def _value(film: FilmReport, reading: ReadingRecord, change: ExtentChange | None) -> Fields:
    if reading.verdict is None:
        absent = {"coding": [{"system": _CODES + "data-absent-reason", "code": "error"}]}
        return {"dataAbsentReason": absent | ({"text": film.refusal} if film.refusal else {})}
    code = _INTERPRETATIONS[reading.verdict]
    return {
        "valueQuantity": _share(reading.probability),
        "interpretation": [
            {"coding": [{"system": _CODES + "v3-ObservationInterpretation", "code": code}], "text": reading.verdict}
        ],
        "component": [
            *({"code": {"text": name}, "valueQuantity": _share(value)} for name, value in reading.findings.items()),
            *_extent(reading.extent, change),
        ],
    }


def _extent(extent: Extent | None, change: ExtentChange | None) -> Iterator[Fields]:
    """Write how much of the lungs is opaque. No code of LOINC, SNOMED CT or RadLex says this of a chest film."""
    if extent:
        yield _component("Extent of opacity in percent of the lung fields", _quantity(round(extent.percent, 1), "%"))
        yield _component("Brixia score, 0 to 18", _quantity(round(extent.brixia, 1), "{score}"))
    if change:
        since = f"since {change.taken_on.isoformat()}, repeatability {change.rounded.repeatability:g}"
        text = f"Change of the extent of opacity in percentage points {since}"
        yield _component(text, _quantity(change.rounded.points, "%"))


def _component(text: str, value: Fields) -> Fields:
    return {"code": {"text": text}, "valueQuantity": value}


def _quantity(value: float, unit: str) -> Fields:
    return {"value": value, "unit": unit.strip("{}"), "system": "http://unitsofmeasure.org", "code": unit}


def _share(value: float | None) -> Fields:
    return {"value": round(value or 0.0, 4), "unit": "1", "system": "http://unitsofmeasure.org", "code": "1"}


def status_of(study: Study) -> str:
    """Return how far a study's report is: what a model alone has read is preliminary.

    So is again a final report with a film that was added or read since. Of the codes of DiagnosticReportStatus, "final"
    and what follows it, "amended", "corrected" and "appended", say that a person has verified the report as it is now.
    """
    if study.status == StudyStatus.WAITING and not any(film.reading for film in study.films):
        return "registered"
    if not is_concluded(study):
        return "preliminary"
    first = min(opinion.created_at for opinion in study.opinions if opinion.conclusion)
    return "corrected" if study.changed_at and study.changed_at > first else "final"


def _issued(study: Study) -> datetime:
    """Return when the last thing was said that the report says."""
    read = (film.reading.created_at for film in study.films if film.reading)
    return max((study.created_at, *read, *filter(None, [study.changed_at])))


def _name(key: str) -> str:
    return uuid.uuid5(_SPACE, key).urn
