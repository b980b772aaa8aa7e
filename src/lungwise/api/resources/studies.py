"""Studies by the API: upload, list, look, conclude."""

from __future__ import annotations

import hashlib

from flask import g, request
from flask_babel import gettext

from lungwise.accounts.tokens import Scope
from lungwise.api import schemas
from lungwise.api.framework.operations import Operations
from lungwise.api.framework.paging import decode_cursor, encode_cursor
from lungwise.api.idempotent_requests import idempotent_request, once
from lungwise.api.resources.representations import details_of, opinion_of, result_of, study_of, summary_of
from lungwise.api.services import services
from lungwise.audit.actions import Action, Subject
from lungwise.audit.after_response import audit_after_response, audit_search_after_response
from lungwise.errors import NotFound
from lungwise.patients.service import PatientFacts
from lungwise.receiving.labels import REASONS
from lungwise.receiving.service import Saved
from lungwise.studies.clinical_details import ClinicalDetails, Symptom
from lungwise.studies.diagnosis import Diagnosis
from lungwise.studies.reference_tests import EnteredResult, Reason, ReferenceTest, result_from
from lungwise.studies.service import Conclusion, Study, StudyStatus
from lungwise.studies.worklist import Order, WorklistQuery
from lungwise.webkit.current_person import person

studies = Operations()
_LIST = "studies"
_ASK_AGAIN_SECONDS = 2
"""When it is worth to ask for a study again that is not read yet: those who wait are fewer than those who ask."""


@studies.get("/studies", schemas.StudyPage, query=schemas.StudyQuery)
def list_studies(query: schemas.StudyQuery) -> schemas.StudyPage:
    """List the clinic's studies, the unread first.

    Words of a patient do not belong into an address: search for them by POST /studies/search.
    """
    return _page(query, "")


@studies.post("/studies/search", schemas.StudyPage, body=schemas.StudySearch)
def search_studies(body: schemas.StudySearch) -> schemas.StudyPage:
    """Search the clinic's studies by the beginnings of words of patients' names and identifiers."""
    audit_search_after_response(Action.SEARCHED, Subject.WORKLIST, body.text)
    return _page(body, body.text)


@studies.post(
    "/studies",
    schemas.Upload,
    201,
    scope=Scope.UPLOAD,
    query=schemas.Wait,
    fields=schemas.PatientFields,
)
def open_study(query: schemas.Wait, fields: schemas.PatientFields) -> schemas.Upload:
    """Upload films as a new study.

    Films come as the parts `films` of a form, or one film or ZIP as the whole body. They are saved before
    this answers, and read afterwards: `wait` for the readings here, or ask for the study later. What is no film keeps
    the others from nothing and is listed under `not_taken`. A film that the clinic has already is not saved again: it
    is listed there with its study, and where nothing else is in the upload, that study is the answer.
    """
    facts = PatientFacts.typed(fields.model_dump())
    files = _files()
    asking = idempotent_request([repr(facts), *_hashes(files)])
    return _saved(services().uploads.open(person(), facts, files, asking), query.wait)


@studies.delete("/studies/<key:key>", schemas.Deleted, scope=Scope.DELETE)
def delete_study(key: str) -> schemas.Deleted:
    """Delete a study with its films, readings and opinions, for good. The audit trail keeps that it was done.

    Its report is withdrawn from the systems that have it; an archive keeps what it has.
    """
    services().studies.delete(person(), key)
    return schemas.Deleted(studies=1)


@studies.get("/studies/<key:key>", schemas.Study, query=schemas.Wait)
def get_study(key: str, query: schemas.Wait) -> schemas.Study:
    """Get a study with its films, their readings, and the opinions."""
    found = waited(services().studies.get(person(), key), query.wait)
    audit_after_response(Action.SAW, Subject.STUDY, found.key)
    return _whole(found)


@studies.post(
    "/studies/<key:key>/films",
    schemas.Upload,
    201,
    scope=Scope.UPLOAD,
    query=schemas.Wait,
    fields=schemas.NoFields,
)
def add_films(key: str, query: schemas.Wait, fields: schemas.NoFields) -> schemas.Upload:
    """Upload further films of a study; a film that the clinic has already is not saved twice."""
    files = _files()
    return _saved(services().uploads.add_films(person(), key, files, idempotent_request(_hashes(files))), query.wait)


@studies.get("/studies/<key:key>/opinions", schemas.Opinions)
def list_opinions(key: str) -> schemas.Opinions:
    """List a study's opinions, the oldest first."""
    study = services().studies.get(person(), key)
    audit_after_response(Action.SAW, Subject.STUDY, key)
    return schemas.Opinions(items=[opinion_of(study, opinion) for opinion in study.opinions])


@studies.post("/studies/<key:key>/opinions", schemas.Opinion, 201, scope=Scope.CONCLUDE, body=schemas.OpinionIn)
def conclude(key: str, body: schemas.OpinionIn) -> schemas.Opinion:
    """Keep an opinion beside the readings, which stay as they are."""
    said = Conclusion(
        agrees=body.agrees,
        conclusion=Diagnosis(body.conclusion) if body.conclusion else None,
        other=body.other,
        note=body.note,
        answer_version=body.answer_version,
    )
    number = int(once([repr(said)], lambda: str(services().studies.conclude(person(), key, said).id)))
    study = services().studies.get(person(), key)
    kept = next((one for one in study.opinions if one.id == number), None)
    if kept is None:
        raise NotFound
    return opinion_of(study, kept)


@studies.post(
    "/studies/<key:key>/reference-results",
    schemas.ReferenceResult,
    201,
    scope=Scope.CONCLUDE,
    body=schemas.ReferenceResultIn,
)
def add_reference_result(key: str, body: schemas.ReferenceResultIn) -> schemas.ReferenceResult:
    """Keep what a PCR, Xpert or sputum test found, or what a radiologist saw."""
    entered = EnteredResult(
        kind=ReferenceTest(body.test),
        result=result_from(body.result),
        tested_on=body.tested_on,
        reason=Reason(body.reason) if body.reason else None,
    )
    name = once([repr(entered)], lambda: services().reference_results.add(person(), key, entered).key)
    found = services().studies.get(person(), key).reference_results
    kept = next((one for one in found if one.key == name), None)
    if kept is None:
        raise NotFound
    return result_of(kept)


@studies.post(
    "/studies/<key:key>/clinical-details",
    schemas.ClinicalDetails,
    scope=Scope.UPLOAD,
    body=schemas.ClinicalDetailsIn,
)
def describe(key: str, body: schemas.ClinicalDetailsIn) -> schemas.ClinicalDetails:
    """Keep the patient's symptoms and oxygen saturation on this visit, in place of what was known."""
    details, known = _details(body), _details(body.known) if body.known else None
    once([repr(details), repr(known)], lambda: services().studies.describe(person(), key, details, known=known).key)
    return details_of(services().studies.get(person(), key).clinical)


def _details(said: schemas.ClinicalDetails | schemas.ClinicalDetailsIn) -> ClinicalDetails:
    return ClinicalDetails(symptoms=tuple(map(Symptom, said.symptoms)), other=said.other, spo2=said.spo2)


def waited(study: Study, seconds: int) -> Study:
    """Return a study once it is read, or as it stands when the time is over or where too many others wait."""
    if study.status != StudyStatus.WAITING or not seconds:
        return study
    key, number = study.key, study.id
    if not services().wait_for_readings(number, seconds):
        g.ask_again_after = _ASK_AGAIN_SECONDS
    return services().studies.get(person(), key)


def _saved(saved: Saved, seconds: int) -> schemas.Upload:
    study = waited(services().studies.get(person(), saved.key), seconds)
    others = [
        schemas.NotTaken(
            name=one.name, code=one.reason.value, study=one.study or None, reason=gettext(REASONS[one.reason])
        )
        for one in saved.skipped
    ]
    return schemas.Upload.model_validate({**_whole(study).model_dump(), "taken": saved.taken, "not_taken": others})


def _whole(study: Study) -> schemas.Study:
    used = services()
    patient = used.studies.patient(person(), study)
    changes = used.studies.extent_changes(person(), study, patient)
    zone, ordered = used.clinic_settings.zone, used.studies.ordered(study)
    return study_of(study, patient, used.studies.data, used.headlines, changes, zone, ordered)


def _files() -> list[tuple[str, bytes]]:
    if request.mimetype == "multipart/form-data":
        return [(file.filename or "film", file.read()) for file in request.files.getlist("films")]
    return [("The file", request.get_data())]


def _hashes(files: list[tuple[str, bytes]]) -> list[str]:
    return [hashlib.sha256(data).hexdigest() for _, data in files]


def _page(wanted: schemas.StudyQuery | schemas.StudySearch, text: str) -> schemas.StudyPage:
    page = services().worklist.page(
        person(),
        WorklistQuery(
            text=text,
            status=StudyStatus(wanted.standing) if wanted.standing else None,
            unread=wanted.unread,
            zone=services().clinic_settings.zone,
            since=wanted.since,
            until=wanted.until,
            order=Order(wanted.order),
            after=decode_cursor(_LIST, wanted.cursor),
        ),
    )
    return schemas.StudyPage(
        items=[
            summary_of(row.study, row.patient, services().headlines.of(row.answer), outdated=row.is_outdated)
            for row in page.rows
        ],
        next=encode_cursor(_LIST, page.after) if page.after else None,
    )
