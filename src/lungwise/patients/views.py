"""The pages of patients."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from lungwise.access import Right
from lungwise.errors import NotFound
from lungwise.inputs import row_number
from lungwise.patients.forms import DeleteForm, MergeForm, MergeSureForm, PatientForm, SearchForm
from lungwise.patients.service import PAGE, Patient
from lungwise.studies.service import Study
from lungwise.webkit.request_services import attempt, desk, person

bp = Blueprint("patients", __name__, url_prefix="/patients")
Answer = str | Response


@bp.route("", methods=["GET", "POST"])
def search() -> Answer:
    """Search patients by the beginnings of the words of names and identifiers."""
    form = SearchForm()
    after = row_number(form.after.data)
    found = [] if form.is_submitted() and not form.validate() else _search(form, after)
    form.after.data = str(found[-1].id) if len(found) == PAGE else ""
    return render_template("patients/search.html", form=form, found=found)


@bp.get("/<key>")
def show(key: str) -> Answer:
    """Show a patient with their studies."""
    return _page(key, MergeForm(), DeleteForm())


@bp.route("/<key>/change", methods=["GET", "POST"])
def change(key: str) -> Answer:
    """Correct a patient."""
    person().need(Right.KEEP_PATIENTS)
    patient = desk().patients.get(person(), key)
    form = PatientForm(obj=patient)
    if form.validate_on_submit() and attempt(form, lambda: desk().patients.change(person(), key, form.facts())):
        flash(gettext("Saved."))
        return redirect(url_for("patients.show", key=key))
    return render_template("patients/change.html", form=form, key=key)


@bp.post("/<key>/merge")
def merge(key: str) -> Answer:
    """Show another entry of the same person beside this one, both whole."""
    person().need(Right.KEEP_PATIENTS)
    form = MergeForm()
    patient = desk().patients.get(person(), key)
    if not form.validate_on_submit():
        return _page(key, form, DeleteForm(formdata=None))
    others = desk().patients.having(person(), (form.identifier.data or "").strip())
    if [other.id for other in others] == [patient.id]:
        form.form_errors.append(gettext("Choose two different patients to merge."))
    elif not others:
        form.form_errors.append(gettext("There is no patient with this identifier."))
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
    patient, other = (desk().patients.get(person(), one) for one in (key, form.other.data))
    if form.validate_on_submit() and attempt(form, lambda: desk().settlement.merge(person(), key, other.key)):
        flash(gettext("The two entries are one patient now."))
        return redirect(url_for("patients.show", key=key))
    return _both(patient, [other], form)


@bp.get("/unclear")
def unclear() -> Answer:
    """List the patients whose identity is unclear, and those of whom somebody said who they are."""
    person().need(Right.ADMINISTER)
    settled = [(one, desk().patients.root(one)) for one in desk().patients.settled(person())]
    waiting = [(one, desk().patients.rivals(person(), one)) for one in desk().patients.unclear(person())]
    return render_template("patients/unclear.html", waiting=waiting, settled=settled)


@bp.get("/<key>/whose")
def whose(key: str) -> Answer:
    """Ask whether a patient whose identity is unclear is the one who is known by this identifier."""
    patient = _to_settle(key)
    if not patient.is_unclear:
        return redirect(url_for("patients.show", key=key))
    rivals = desk().patients.rivals(person(), patient)
    desk().note("saw", "patient", key)
    return render_template(
        "patients/whose.html", patient=patient, rivals=rivals, studies=_studies_of([patient, *rivals])
    )


@bp.post("/<key>/same")
def same(key: str) -> Answer:
    """Say that a patient whose identity is unclear is another one, who is known."""
    _to_settle(key)
    into = request.form.get("into", "")
    if not into:
        return redirect(url_for("patients.whose", key=key))
    desk().settlement.merge(person(), into, key)
    flash(gettext("The two entries are one patient now."))
    return redirect(url_for("patients.show", key=into))


@bp.post("/<key>/separate")
def separate(key: str) -> Answer:
    """Say that a patient whose identity is unclear is a person of their own."""
    desk().settlement.separate(person(), key)
    flash(gettext("This is another person now, with the same identifier."))
    return redirect(url_for("patients.show", key=key))


@bp.post("/<key>/take-back")
def take_back(key: str) -> Answer:
    """Take back what somebody said of who a patient is."""
    person().need(Right.ADMINISTER)
    desk().settlement.take_back(person(), key)
    flash(gettext("It is taken back."))
    return redirect(url_for("patients.unclear"))


@bp.post("/<key>/delete")
def delete(key: str) -> Answer:
    """Delete a patient with all their studies and films."""
    person().need(Right.DELETE)
    form = DeleteForm()
    if not form.validate_on_submit():
        return _page(key, MergeForm(formdata=None), form)
    desk().after_commit.append(desk().studies.delete_patient(person(), key))
    flash(gettext("The patient is deleted, with all studies and films."))
    return redirect(url_for("patients.search"))


def _search(form: SearchForm, after: int | None) -> list[Patient]:
    return attempt(form, lambda: desk().patients.search(person(), form.text.data or "", after)) or []


def _to_settle(key: str) -> Patient:
    """Give a patient of whom this person may say who it is."""
    patient = desk().patients.get(person(), key)
    if not desk().settlement.may_settle(person(), patient):
        raise NotFound
    return patient


def _page(key: str, merging: MergeForm, deleting: DeleteForm) -> str:
    patient = desk().patients.get(person(), key)
    studies = desk().studies.of_patient(person(), patient)
    desk().note("saw", "patient", key)
    return render_template(
        "patients/show.html",
        patient=patient,
        studies=studies,
        history=desk().patients.history(person(), patient),
        may_settle=patient.is_unclear and desk().settlement.may_settle(person(), patient),
        merging=merging,
        deleting=deleting,
    )


def _both(patient: Patient, others: list[Patient], form: MergeSureForm) -> str:
    for one in (patient, *others):
        desk().note("saw", "patient", one.key)
    studies = _studies_of([patient, *others])
    return render_template("patients/merge.html", patient=patient, others=others, studies=studies, form=form)


def _studies_of(patients: list[Patient]) -> dict[int, list[Study]]:
    return {patient.id: desk().studies.of_patient(person(), patient) for patient in patients}
