"""The pages of patients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from flask import Blueprint, flash, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from lungwise.access import Person, Right
from lungwise.audit.actions import Action, Subject
from lungwise.audit.after_response import audit_after_response, audit_search_after_response, audit_sight_after_response
from lungwise.errors import NotFound
from lungwise.inputs import row_number
from lungwise.patients.forms import DeleteForm, MergeForm, MergeSureForm, PatientForm, SearchForm
from lungwise.patients.search import PAGE
from lungwise.patients.service import Patient, Patients
from lungwise.text_direction import isolated
from lungwise.webkit.current_person import person
from lungwise.webkit.forms import attempt
from lungwise.webkit.hidden_words import hidden, legible
from lungwise.webkit.request_services import RequestServices

bp = Blueprint("patients", __name__, url_prefix="/patients")
Answer = str | Response | tuple[str, int]
SUGGESTED = 6
"""Patients who are suggested at once."""


class StudiesOfPatients(Protocol):
    """What the pages of patients need of their studies."""

    def of_patient(self, person: Person, patient: Patient) -> Sequence[object]:
        """List a patient's studies, the newest first."""

    def sent_to(self, person: Person, patient: Patient) -> object:
        """Return who has what was sent of a patient's studies."""

    def delete_patient(self, person: Person, key: str) -> int:
        """Delete a patient with all their studies, and return how many these were."""

    def may_settle(self, person: Person, patient: Patient) -> bool:
        """Return whether a person may decide who a patient is."""

    def separate(self, person: Person, key: str) -> Patient:
        """Make a patient another person than those who have the same identifier."""

    def same(self, person: Person, key: str, into: str) -> Patient:
        """Make a patient whose identity is unclear the same person as one who has the same identifier."""

    def merge(self, person: Person, keep: str, other: str) -> Patient:
        """Make two patients one."""

    def take_back(self, person: Person, key: str) -> Patient:
        """Undo what somebody decided about a patient."""


class OrdersOfPatients(Protocol):
    """What the pages of patients need of their orders."""

    def of_patient(self, person: Person, patient: Patient) -> Sequence[object]:
        """List a patient's orders, the newest first."""


class PatientServices(Protocol):
    """What the pages of patients use in a request."""

    patients: Patients

    @property
    def patient_studies(self) -> StudiesOfPatients:
        """The studies of patients."""

    @property
    def orders(self) -> OrdersOfPatients:
        """The orders of patients."""


services = RequestServices[PatientServices]("patients")


@bp.post("")
def find() -> Answer:
    """Go to the patients whom a text finds: an address that the browser can come back to, without the text."""
    person().need(Right.SEE_ALL)
    form = SearchForm()
    if not form.validate():
        return render_template("patients/search.html", form=form, found=[], words="", after="")
    return redirect(url_for("patients.search", words=hidden(form.text.data or "") or None), 303)


@bp.get("")
def search() -> Answer:
    """Search patients by the beginnings of the words of names and identifiers."""
    person().need(Right.SEE_ALL)
    words = request.args.get("words", "")
    form = SearchForm(MultiDict({"text": legible(words)}), meta={"csrf": False})
    found = _search(form, row_number(request.args.get("after")))
    audit_search_after_response(Action.SEARCHED, Subject.PATIENT, form.text.data or "")
    after = str(found[-1].id) if len(found) == PAGE else ""
    return render_template("patients/search.html", form=form, found=found, words=words, after=after)


@bp.post("/suggestions")
def suggestions() -> Response:
    """Return the patients whom what somebody is typing may mean."""
    person().need(Right.SEE_ALL)
    form = SearchForm()
    found = _search(form, None)[:SUGGESTED] if form.validate() and form.text.data else []
    for patient in found:  # who was shown, not what each key pressed
        audit_sight_after_response(Subject.PATIENT, patient.key)
    return jsonify([_suggestion(patient) for patient in found])


@bp.get("/<key>")
def show(key: str) -> Answer:
    """Show a patient with their studies."""
    return _page(key, MergeForm(), DeleteForm())


@bp.route("/<key>/change", methods=["GET", "POST"])
def change(key: str) -> Answer:
    """Correct a patient."""
    person().need(Right.KEEP_PATIENTS)
    patients = services().patients
    patient = patients.get(person(), key)
    audit_sight_after_response(Subject.PATIENT, key)
    form = PatientForm(obj=patient.facts, known=patient.facts)
    if form.validate_on_submit() and form.save(
        lambda: patients.change(person(), key, form.facts(), known=form.known.data),
        lambda: patients.get(person(), key).facts,
    ):
        flash(gettext("Saved."))
        return redirect(url_for("patients.show", key=key))
    return render_template("patients/change.html", form=form, key=key, patient=patient), form.status


@bp.post("/<key>/merge")
def merge(key: str) -> Answer:
    """Show another entry of the same person beside this one, both whole."""
    person().need(Right.KEEP_PATIENTS)
    form = MergeForm()
    patient = services().patients.get(person(), key)
    if not form.validate_on_submit():
        return _page(key, form, DeleteForm(formdata=None))
    others = services().patients.having(person(), (form.identifier.data or "").strip())
    if [other.id for other in others] == [patient.id]:
        form.form_errors.append(gettext("Choose two different patients to merge."))
    elif not others:
        form.form_errors.append(gettext("No patient has this identifier."))
    if form.form_errors:
        return _page(key, form, DeleteForm(formdata=None))
    return _both(patient, [other for other in others if other.id != patient.id], MergeSureForm(formdata=None))


@bp.post("/<key>/merged")
def merged(key: str) -> Answer:
    """Make another entry of the same person, which was shown, part of this one."""
    person().need(Right.KEEP_PATIENTS)
    form = MergeSureForm()
    if not form.other.data:
        return _page(key, MergeForm(formdata=None), DeleteForm(formdata=None))
    patient, other = (services().patients.get(person(), one) for one in (key, form.other.data))
    if form.validate_on_submit() and attempt(form, lambda: services().patient_studies.merge(person(), key, other.key)):
        flash(gettext("The two entries are now one patient."))
        return redirect(url_for("patients.show", key=key))
    return _both(patient, [other], form)


@bp.get("/unclear")
def unclear() -> Answer:
    """List the patients whose identity is unclear, and those that somebody has decided about."""
    person().need(Right.ADMINISTER)
    patients = services().patients
    settled = [(one, patients.records.root(one)) for one in patients.decisions.decided(person())]
    waiting = [(one, patients.rivals(person(), one)) for one in patients.decisions.unclear(person())]
    return render_template("patients/unclear.html", waiting=waiting, settled=settled)


@bp.get("/<key>/whose")
def whose(key: str) -> Answer:
    """Ask whether a patient whose identity is unclear is the one who is known by this identifier."""
    patient = _to_settle(key)
    if not patient.is_unclear:
        return redirect(url_for("patients.show", key=key))
    rivals = services().patients.rivals(person(), patient)
    audit_after_response(Action.SAW, Subject.PATIENT, key)
    return render_template(
        "patients/whose.html", patient=patient, rivals=rivals, studies=_studies_of([patient, *rivals])
    )


@bp.post("/<key>/same")
def same(key: str) -> Answer:
    """Merge a patient whose identity is unclear into one who is known."""
    _to_settle(key)
    into = request.form.get("into", "")
    if not into:
        return redirect(url_for("patients.whose", key=key))
    services().patient_studies.same(person(), key, into)
    flash(gettext("The two entries are now one patient."))
    return redirect(url_for("patients.show", key=into))


@bp.post("/<key>/separate")
def separate(key: str) -> Answer:
    """Make a patient whose identity is unclear a person of their own."""
    services().patient_studies.separate(person(), key)
    flash(gettext("This is now another person with the same identifier."))
    return redirect(url_for("patients.show", key=key))


@bp.post("/<key>/take-back")
def take_back(key: str) -> Answer:
    """Undo what somebody decided about who a patient is."""
    person().need(Right.ADMINISTER)
    services().patient_studies.take_back(person(), key)
    flash(gettext("Undone."))
    return redirect(url_for("patients.unclear"))


@bp.post("/<key>/delete")
def delete(key: str) -> Answer:
    """Delete a patient with all their studies and films."""
    person().need(Right.DELETE)
    form = DeleteForm()
    if not form.validate_on_submit():
        return _page(key, MergeForm(formdata=None), form)
    services().patient_studies.delete_patient(person(), key)
    flash(gettext("The patient is deleted, with all their studies and films."))
    return redirect(url_for("patients.search"))


def _suggestion(patient: Patient) -> dict[str, str]:
    """Return a patient as a form holds one, with what tells them from others."""
    born = patient.birth_date.isoformat() if patient.birth_date else ""
    fields = {"identifier": patient.identifier, "name": patient.name, "sex": patient.sex, "birth_date": born}
    return fields | {"label": " · ".join(filter(None, (isolated(patient.name), isolated(patient.identifier), born)))}


def _search(form: SearchForm, after: int | None) -> list[Patient]:
    return attempt(form, lambda: services().patients.search.page(person(), form.text.data or "", after)) or []


def _to_settle(key: str) -> Patient:
    """Return a patient about whom this person may decide who it is."""
    patient = services().patients.get(person(), key)
    if not services().patient_studies.may_settle(person(), patient):
        raise NotFound
    return patient


def _page(key: str, merging: MergeForm, deleting: DeleteForm) -> str:
    patient = services().patients.get(person(), key)
    studies = services().patient_studies.of_patient(person(), patient)
    audit_after_response(Action.SAW, Subject.PATIENT, key)
    return render_template(
        "patients/show.html",
        patient=patient,
        studies=studies,
        orders=services().orders.of_patient(person(), patient),
        history=services().patients.history(person(), patient),
        may_settle=patient.is_unclear and services().patient_studies.may_settle(person(), patient),
        merging=merging,
        deleting=deleting,
        sent_to=services().patient_studies.sent_to(person(), patient) if person().may(Right.DELETE) else None,
    )


def _both(patient: Patient, others: list[Patient], form: MergeSureForm) -> str:
    for one in (patient, *others):
        audit_after_response(Action.SAW, Subject.PATIENT, one.key)
    studies = _studies_of([patient, *others])
    return render_template("patients/merge.html", patient=patient, others=others, studies=studies, form=form)


def _studies_of(patients: list[Patient]) -> dict[int, Sequence[object]]:
    return {patient.id: services().patient_studies.of_patient(person(), patient) for patient in patients}
