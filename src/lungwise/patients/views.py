"""The pages of patients."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from lungwise.accounts.person import Right
from lungwise.errors import Rejected
from lungwise.patients.forms import DeleteForm, MergeForm, PatientForm, SearchForm
from lungwise.patients.service import PAGE, Patient
from lungwise.web.desk import attempt, desk, person

bp = Blueprint("patients", __name__, url_prefix="/patients")
Answer = str | Response


@bp.route("", methods=["GET", "POST"])
def search() -> Answer:
    """Search patients by whole words of names and identifiers."""
    form = SearchForm()
    after = int(form.after.data) if (form.after.data or "").isdecimal() else None
    found = desk().patients.search(person(), form.text.data or "", after)
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
    """Make another entry of the same person part of this one."""
    person().need(Right.KEEP_PATIENTS)
    form = MergeForm()
    if form.validate_on_submit() and attempt(form, lambda: _merge(key, (form.identifier.data or "").strip())):
        flash(gettext("The two entries are one patient now."))
        return redirect(url_for("patients.show", key=key))
    return _page(key, form, DeleteForm(formdata=None))


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


def _merge(key: str, identifier: str) -> Patient:
    other = desk().patients.by_identifier(person(), identifier)
    if other is None:
        raise Rejected("There is no patient with this identifier.")
    return desk().studies.merge_patients(person(), key, other.key)


def _page(key: str, merging: MergeForm, deleting: DeleteForm) -> str:
    patient = desk().patients.get(person(), key)
    studies = desk().studies.of_patient(person(), patient)
    desk().note("saw", "patient", key)
    return render_template("patients/show.html", patient=patient, studies=studies, merging=merging, deleting=deleting)
