"""What of a report in FHIR joins it to images: the imaging study, the order that asked for it, and the model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fhir.resources.R4B.device import Device
from fhir.resources.R4B.imagingstudy import ImagingStudy

from lungwise.reports.report import Report
from lungwise.studies.first_day import first_day
from lungwise.studies.identifiers import ACCESSIONS, UIDS
from lungwise.studies.service import FilmRecord, ReadingRecord, Study
from lungwise.studies.uids import own_uid
from lungwise.studies.uncertainty_range import thresholds_of

Fields = dict[str, Any]
_ACCESSION: Fields = {
    "coding": [
        {
            "system": "http://terminology.hl7.org/CodeSystem/v2-0203",
            "code": "ACSN",
            "display": "Accession ID",
        }
    ]
}
_MODALITY = "http://dicom.nema.org/resources/ontology/DCM"
_UNIT: Fields = {"unit": "1", "system": "http://unitsofmeasure.org", "code": "1"}


def accessions(report: Report) -> list[Fields]:
    """Write the accession numbers of a report's films as identifiers, without those of other patients' orders."""
    others = {order.accession for order in report.ordered.of_others}
    named = dict.fromkeys(film.accession for film in report.study.films if film.accession)
    numbers = [number for number in named if number not in others]
    return [{"type": _ACCESSION, "system": ACCESSIONS, "value": number} for number in numbers]


def orders(report: Report) -> list[Fields]:
    """Refer to the orders that a report answers, by their accession numbers."""
    return [{"type": "ServiceRequest", "identifier": one} for one in accessions(report)]


def study_uids(study: Study) -> list[str]:
    """List the UIDs of the DICOM studies that a study's films belong to."""
    return list(dict.fromkeys(film.study_uid for film in study.films if film.study_uid))


def imaging_studies(report: Report, name: Callable[[str], str]) -> dict[str, ImagingStudy]:
    """Write the DICOM studies of a report's films, by their UIDs; `name` names a resource by its key."""
    return {uid: _imaging_study(report, uid, name) for uid in study_uids(report.study)}


def derived_from(film: FilmRecord, name: Callable[[str], str]) -> list[Fields]:
    """Refer to the study that a film lies in."""
    return [{"reference": name(film.study_uid)}] if film.study_uid else []


def device_key(reading: ReadingRecord) -> str:
    """Return the key of the device that made a reading: the model, at its thresholds or at the clinic's own."""
    own = reading.own_thresholds
    return f"model {reading.model} {reading.version}" + (f" thresholds {own.id}" if own else "")


def devices(report: Report) -> dict[str, Device]:
    """Write the models that read a report's films, with the thresholds at which their verdicts change."""
    read = (film.record.reading for film in report.films)
    return {device_key(reading): _device(reading) for reading in read if reading}


def _device(reading: ReadingRecord) -> Device:
    own = [reading.own_thresholds.id] if reading.own_thresholds else []
    uid = own_uid("model", reading.model, reading.version, *own)
    fields: Fields = {
        "identifier": [{"system": UIDS, "value": f"urn:oid:{uid}"}],
        "manufacturer": "Lungwise",
        "deviceName": [{"name": reading.model, "type": "model-name"}],
        "version": [{"value": reading.version}],
        "property": [*_thresholds(reading), *_own_thresholds(reading)] or None,
    }
    return Device(**fields)


def _thresholds(reading: ReadingRecord) -> list[Fields]:
    """Write from which probability on a verdict is uncertain and positive, where that is known of the model."""
    bounds = thresholds_of(reading)
    named = {"uncertain": bounds.lower, "positive": bounds.upper} if bounds else {}
    return [
        {"type": {"text": f"Threshold of {verdict}"}, "valueQuantity": [{"value": round(value, 4), **_UNIT}]}
        for verdict, value in named.items()
    ]


def _own_thresholds(reading: ReadingRecord) -> list[Fields]:
    """Name the clinic's own thresholds, where a reading was given by them."""
    own = reading.own_thresholds
    return [{"type": {"text": "Thresholds of the clinic"}, "valueCode": [{"text": own.id}]}] if own else []


def _imaging_study(report: Report, uid: str, name: Callable[[str], str]) -> ImagingStudy:
    films = [film for film in report.study.films if film.study_uid == uid]
    series = dict.fromkeys(film.series_uid for film in films if film.series_uid)
    fields: Fields = {
        "identifier": [{"system": UIDS, "value": f"urn:oid:{uid}"}, *accessions(report)],
        "basedOn": orders(report) or None,
        "status": "available",
        "subject": {"reference": name(report.patient.key)},
        "started": first_day(report.study, films, report.zone) or report.study.created_at,
        "numberOfSeries": len(series),
        "numberOfInstances": len(films),
        "series": [_series(one, films) for one in series] or None,
    }
    return ImagingStudy(**fields)


def _series(uid: str, films: list[FilmRecord]) -> Fields:
    own = [film for film in films if film.series_uid == uid]
    return {
        "uid": uid,
        "modality": {"system": _MODALITY, "code": "DX" if own[0].kind == "DICOM" else "OT"},
        "numberOfInstances": len(own),
    }
