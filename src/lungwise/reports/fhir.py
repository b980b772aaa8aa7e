"""A study's report as HL7 FHIR: a bundle of the patient, a DiagnosticReport, and an Observation for each film.

Written with FHIR R4B's models, whose three resources here are R4's own (R4B, "Differences to R4").
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.diagnosticreport import DiagnosticReport
from fhir.resources.R4B.observation import Observation
from fhir.resources.R4B.patient import Patient as PatientResource

from lungwise.patients.service import Patient, PatientFacts
from lungwise.studies.labels import LIMITS, MEANINGS, VERDICTS
from lungwise.studies.service import FilmRecord, ReadingRecord, Study, StudyStatus

Fields = dict[str, Any]
_NONE: Mapping[int, PatientFacts] = {}
_TAGS = "urn:lungwise:tags"
_CODES = "http://terminology.hl7.org/CodeSystem/"
_CHEST: Fields = {
    "coding": [{"system": "http://loinc.org", "code": "30745-4", "display": "XR Chest Views"}],
    "text": "Chest X-ray",
}
_RADIOLOGY: Fields = {"coding": [{"system": _CODES + "v2-0074", "code": "RAD", "display": "Radiology"}]}
_IMAGING: Fields = {"coding": [{"system": _CODES + "observation-category", "code": "imaging"}]}
_GENDERS = {"F": "female", "M": "male", "O": "other", "": "unknown"}
_INTERPRETATIONS = {"positive": "POS", "negative": "NEG", "uncertain": "IND"}
_SPACE = uuid.UUID("5b2f6c1e-7d0a-5e0f-9a3d-6c756e677769")
"""Names of our own resources are made from their keys in this space: the same study gives the same names."""


def bundle(study: Study, patient: Patient, clinic: str, headers: Mapping[int, PatientFacts] = _NONE) -> str:
    """Write the bundle as JSON; `headers` are those that say something else of the patient, by the film's id."""
    resources = [
        (_name(patient.key), _patient(patient)),
        (_name(study.key), _report(study, patient, clinic)),
        *(
            (_name(film.key), _observation(film, reading, study, patient, headers.get(film.id)))
            for film, reading in _read(study)
        ),
    ]
    fields: Fields = {
        "type": "collection",
        "entry": [{"fullUrl": name, "resource": resource} for name, resource in resources],
    }
    text: str = Bundle(**fields).model_dump_json()
    return text


def _read(study: Study) -> list[tuple[FilmRecord, ReadingRecord]]:
    return [(film, film.reading) for film in study.films if film.reading]


def _patient(patient: Patient) -> PatientResource:
    identifier: Fields = {"value": patient.identifier}
    if patient.issuer:
        identifier["assigner"] = {"display": patient.issuer}
    fields: Fields = {
        "identifier": [identifier],
        "gender": _GENDERS[patient.sex],
        "birthDate": patient.birth_date,
    }
    if names := dict.fromkeys(patient.facts.names):
        fields["name"] = [{"text": name} for name in names]
    if patient.is_unclear:
        fields["meta"] = {"tag": [{"system": _TAGS, "code": "identity-unclear", "display": "Identity unclear"}]}
    return PatientResource(**fields)


def _report(study: Study, patient: Patient, clinic: str) -> DiagnosticReport:
    """Write the report: preliminary as long as only a model has read the films."""
    conclusion = [VERDICTS[study.standing], MEANINGS[study.standing], LIMITS]
    if study.conclusion:
        conclusion.insert(0, f"Doctor's conclusion: {study.conclusion}.")
    fields: Fields = {
        "identifier": [{"value": study.key}],
        "status": _status(study),
        "category": [_RADIOLOGY],
        "code": _CHEST,
        "subject": {"reference": _name(patient.key)},
        "issued": study.created_at,
        "performer": [{"display": clinic}],
        "conclusion": " ".join(conclusion),
        "result": [{"reference": _name(film.key)} for film, _ in _read(study)] or None,
    }
    return DiagnosticReport(**fields)


def _observation(
    film: FilmRecord, reading: ReadingRecord, study: Study, patient: Patient, header: PatientFacts | None
) -> Observation:
    fields: Fields = {
        "identifier": [{"value": film.key}],
        "status": "final" if study.conclusion else "preliminary",
        "category": [_IMAGING],
        "code": {"text": "Probability of COVID-19 by its appearance on a chest film"},
        "subject": {"reference": _name(patient.key)},
        "issued": reading.created_at,
        "method": {"text": f"Lungwise, model {reading.model} {reading.version}"},
        **_value(reading),
    }
    if header:
        said = (header.identifier, header.issuer, *header.names, header.sex, str(header.birth_date or ""))
        fields["note"] = [{"text": "The film's own header says: " + ", ".join(one for one in said if one)}]
    return Observation(**fields)


def _value(reading: ReadingRecord) -> Fields:
    if reading.verdict is None:
        absent = {"coding": [{"system": _CODES + "data-absent-reason", "code": "error"}]}
        return {"dataAbsentReason": absent | ({"text": reading.refusal.reason} if reading.refusal else {})}
    code = _INTERPRETATIONS[reading.verdict]
    return {
        "valueQuantity": _share(reading.probability),
        "interpretation": [
            {"coding": [{"system": _CODES + "v3-ObservationInterpretation", "code": code}], "text": reading.verdict}
        ],
        "component": [
            {"code": {"text": name}, "valueQuantity": _share(value)} for name, value in reading.findings.items()
        ],
    }


def _share(value: float | None) -> Fields:
    return {"value": round(value or 0.0, 4), "unit": "1", "system": "http://unitsofmeasure.org", "code": "1"}


def _status(study: Study) -> str:
    if study.standing == StudyStatus.WAITING:
        return "registered"
    return "final" if study.conclusion else "preliminary"


def _name(key: str) -> str:
    return uuid.uuid5(_SPACE, key).urn
