"""Patients by the API: found by words in the body, never in an address."""

from __future__ import annotations

from functools import partial

from flask import Response

from lungwise.access import Right
from lungwise.accounts.bearer import clinic
from lungwise.accounts.tokens import Scope
from lungwise.api import schemas
from lungwise.api.framework.operations import Operations
from lungwise.api.framework.paging import decode_cursor, encode_cursor
from lungwise.api.resources.representations import patient_fields, patient_of, summary_of
from lungwise.api.services import services
from lungwise.audit.actions import Action, Subject
from lungwise.audit.after_response import audit_after_response, audit_search_after_response
from lungwise.inputs import row_number
from lungwise.patients.search import PAGE
from lungwise.studies.stored_answers import study_answer
from lungwise.webkit import downloads
from lungwise.webkit.current_person import person

patients = Operations()
_LIST = "patients"


@patients.post("/patients/search", schemas.PatientPage, right=Right.SEE_ALL, body=schemas.PatientSearch)
def search_patients(body: schemas.PatientSearch) -> schemas.PatientPage:
    """List the clinic's patients, the newest first, by the beginnings of words of names and identifiers."""
    position = decode_cursor(_LIST, body.cursor)
    found = services().patients.search.page(person(), body.text, row_number(position))
    audit_search_after_response(Action.SEARCHED, Subject.PATIENT, body.text)
    following = encode_cursor(_LIST, str(found[-1].id)) if len(found) == PAGE else None
    return schemas.PatientPage(items=[patient_of(patient) for patient in found], next=following)


@patients.get("/patients/<key:key>/export", "application/zip", scope=Scope.EXPORT, right=Right.SEE_ALL)
def export_patient(key: str) -> Response:
    """Get all that is kept about a patient, as a ZIP file with an index: films as they came, readings, reports.

    `index.json` lists its files with their SHA-256. The audit trail is not in it.
    """
    write = partial(services().patient_export.write, person(), key, clinic())
    response = downloads.stream(write, "application/zip", f"patient-{key}.zip")
    audit_after_response(Action.EXPORTED, Subject.PATIENT, key)
    return response


@patients.delete("/patients/<key:key>", schemas.Deleted, scope=Scope.DELETE, right=Right.SEE_ALL)
def delete_patient(key: str) -> schemas.Deleted:
    """Delete a patient with all their studies and films, for good. The audit trail keeps that it was done.

    Their reports are withdrawn from the systems that have them; an archive keeps what it has.
    """
    count = services().patient_studies.delete_patient(person(), key)
    return schemas.Deleted(studies=count)


@patients.get("/patients/<key:key>", schemas.PatientStudies, right=Right.SEE_ALL)
def get_patient(key: str) -> schemas.PatientStudies:
    """Get a patient with their studies, the newest first."""
    patient = services().patients.get(person(), key)
    headlines, zone = services().headlines, services().clinic_settings.zone
    found = services().studies.of_patient(person(), patient)
    doubted = services().studies.naming_others(found)
    answers = [study_answer(study, patient, zone, is_doubted=study.id in doubted) for study in found]
    outdated = services().studies.outdated_conclusions(found)
    studies = [
        summary_of(study, patient, headlines.of(answer), outdated=study.id in outdated)
        for study, answer in zip(found, answers, strict=True)
    ]
    audit_after_response(Action.SAW, Subject.PATIENT, key)
    return schemas.PatientStudies.model_validate({**patient_fields(patient), "studies": studies})
