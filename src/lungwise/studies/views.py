"""The pages of studies."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from flask import Blueprint, flash, jsonify, redirect, render_template, request, url_for
from flask_babel import get_timezone, gettext, ngettext
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as AnyResponse

from lungwise.access import Person, Right
from lungwise.audit.actions import Action, Subject
from lungwise.audit.after_response import audit_search_after_response, audit_sight_after_response
from lungwise.patients.forms import DeleteForm
from lungwise.patients.service import Patients
from lungwise.reading.prevalence import PredictiveValue
from lungwise.studies import shown_after_upload
from lungwise.studies.answers import StudyAnswer
from lungwise.studies.clock_check import ClockCheck
from lungwise.studies.diagnosis import agreed_diagnosis
from lungwise.studies.film_headers import differing_headers
from lungwise.studies.first_day import first_day
from lungwise.studies.forms import WORDS, ClinicalForm, FilmsForm, OpinionForm, ResultForm, WorklistForm
from lungwise.studies.headlines import Headlines
from lungwise.studies.models import FilmRecord, Study, StudyStatus
from lungwise.studies.other_objects import OTHER_CLASSES
from lungwise.studies.outdated_opinions import is_outdated, written_before
from lungwise.studies.patient_studies import PatientStudies
from lungwise.studies.priors import Priors
from lungwise.studies.reference_results import ReferenceResults
from lungwise.studies.sampling import Sampling
from lungwise.studies.service import Studies
from lungwise.studies.shown_after_upload import is_shown_after_upload
from lungwise.studies.stored_answers import study_answer
from lungwise.studies.worklist import END, Worklist
from lungwise.studies.worklist_details import WorklistDetails
from lungwise.webkit.current_person import person
from lungwise.webkit.forms import attempt
from lungwise.webkit.hidden_words import hidden, legible
from lungwise.webkit.request_services import RequestServices

bp = Blueprint("studies", __name__)
shown_after_upload.init(bp)
Answer = str | AnyResponse | tuple[str, int]


class StudyServices(Protocol):
    """What the pages of studies use in a request."""

    studies: Studies
    reference_results: ReferenceResults
    patients: Patients
    patient_studies: PatientStudies
    worklist: Worklist
    worklist_details: WorklistDetails
    clock_check: ClockCheck
    priors: Priors

    @property
    def sampling(self) -> Sampling:
        """Says which studies are drawn for a check."""

    @property
    def headlines(self) -> Headlines:
        """Writes the headlines of films and studies."""

    @property
    def worth(self) -> PredictiveValue:
        """What a verdict is worth at the clinic's prevalence."""

    def films_before(self, study: Study) -> int:
        """Count the new films that will be read before a study's."""

    def count_held_films(self, person: Person) -> int:
        """Count the films that a clinic keeps aside."""


services = RequestServices[StudyServices]("studies")


@bp.post("/studies")
def search() -> Answer:
    """Go to the worklist as filtered: an address that the browser can come back to, without a patient's name."""
    form = WorklistForm()
    form.validate()
    words = "" if form.text.errors else form.text.data or ""
    audit_search_after_response(Action.SEARCHED, Subject.WORKLIST, words)
    return redirect(url_for("studies.worklist", **_parameters(form, hidden(words))), 303)


@bp.get("/studies")
def worklist() -> Answer:
    """List the clinic's studies, the unread first."""
    form = _worklist_form()
    query = form.query()
    page = services().worklist.page(person(), query)
    unclear, held = _waiting_for_someone(person())
    return render_template(
        "studies/worklist.html",
        form=form,
        page=page,
        query=query,
        details=services().worklist_details.of(person(), page.rows),
        list_address=partial(url_for, "studies.worklist", **_without_position(form)),
        total=url_for("studies.total", **_without_position(form)),
        end=END,
        unclear=unclear,
        held=held,
    )


def _waiting_for_someone(who: Person) -> tuple[int, int]:
    """Count the patients whose identity is unclear, and the films set aside, for those who see the whole clinic."""
    if not who.may(Right.SEE_ALL):
        return 0, 0
    return services().patients.decisions.count_unclear(who), services().count_held_films(who)


@bp.get("/studies/total")
def total() -> Answer:
    """Return how many studies a worklist has on all its pages: counting them takes longer than showing one."""
    count = services().worklist.count(person(), _worklist_form().query())
    return jsonify(said=_counted(count))


def _counted(count: int | None) -> str:
    if count is None:
        return str(gettext("Very many patients match. Type more letters to narrow the list."))
    return str(ngettext("%(num)s study", "%(num)s studies", count))


def _worklist_form() -> WorklistForm:
    """Read the worklist's filters from the address."""
    words = legible(request.args.get(WORDS, ""))
    return WorklistForm(MultiDict([*request.args.items(multi=True), ("text", words)]), meta={"csrf": False})


def _without_position(form: WorklistForm) -> dict[str, Any]:
    kept = _parameters(form, request.args.get(WORDS, "") if form.text.data else "")
    return {name: value for name, value in kept.items() if name not in ("after", "before")}


def _parameters(form: WorklistForm, words: str) -> dict[str, Any]:
    return dict(form.address(words))


@bp.get("/studies/<key>")
def show(key: str) -> Answer:
    """Show a study: its verdict, its films and what the doctors concluded."""
    who = person()
    after_upload = is_shown_after_upload(key)
    services.after_response(lambda later: later.studies.saw(who, key, right_after_upload=after_upload))
    return study_page(key, StudyForms())


@bp.get("/studies/<key>/next")
def next_unread(key: str) -> Answer:
    """Go on to the next study that nobody has read."""
    person().need(Right.CONCLUDE)
    found = services().worklist.next_unread(person(), services().studies.get(person(), key))
    if found is None:
        flash(gettext("No other study is unread."))
        return redirect(url_for("studies.worklist"))
    return redirect(url_for("studies.show", key=found.key))


@bp.get("/studies/<key>/progress")
def progress(key: str) -> Answer:
    """Return how many of a study's films are read, for the page that waits for them."""
    study = services().studies.get(person(), key)
    read = sum(film.reading is not None for film in study.films)
    before = services().films_before(study)
    return jsonify(films=len(study.films), read=read, before=before, done=study.status != StudyStatus.WAITING)


@bp.post("/studies/<key>/opinions")
def conclude(key: str) -> Answer:
    """Keep an opinion."""
    person().need(Right.CONCLUDE)
    form = OpinionForm()
    if form.validate_on_submit() and attempt(form, lambda: services().studies.conclude(person(), key, form.entered())):
        flash(gettext("Your opinion is saved."))
        return redirect(url_for("studies.show", key=key))
    return study_page(key, StudyForms(opinion=form))


@bp.post("/studies/<key>/results")
def add_result(key: str) -> Answer:
    """Keep what a test found."""
    person().need(Right.CONCLUDE)
    form = ResultForm()
    results = services().reference_results
    if form.validate_on_submit() and attempt(form, lambda: results.add(person(), key, form.entered())):
        flash(gettext("The result is saved."))
        return redirect(url_for("studies.show", key=key, _anchor="results"))
    return study_page(key, StudyForms(result=form))


@bp.post("/studies/<key>/results/<result>/take-back")
def take_result_back(key: str, result: str) -> Answer:
    """Remove a test's result that was entered by mistake."""
    services().reference_results.take_back(person(), key, result)
    flash(gettext("The result is withdrawn."))
    return redirect(url_for("studies.show", key=key, _anchor="results"))


@bp.post("/studies/<key>/symptoms")
def describe(key: str) -> Answer:
    """Keep the patient's symptoms and oxygen saturation."""
    form, studies = ClinicalForm(), services().studies
    if form.validate_on_submit() and form.save(
        lambda: studies.describe(person(), key, form.details(), known=form.known.data),
        lambda: studies.get(person(), key).clinical,
    ):
        flash(gettext("Saved."))
        return redirect(url_for("studies.show", key=key))
    return study_page(key, StudyForms(clinical=form)), form.status


@bp.post("/studies/<key>/delete")
def delete(key: str) -> Answer:
    """Delete a study with its films."""
    person().need(Right.DELETE)
    form = DeleteForm()
    if not form.validate_on_submit():
        return study_page(key, StudyForms(deleting=form))
    services().studies.delete(person(), key)
    flash(gettext("The study is deleted, with all its films."))
    return redirect(url_for("studies.worklist"))


@dataclass(kw_only=True)
class StudyForms:
    """The forms on a study's page: those that were sent and are shown again, the others empty."""

    opinion: OpinionForm = field(default_factory=lambda: OpinionForm(formdata=None))
    result: ResultForm = field(default_factory=lambda: ResultForm(formdata=None))
    clinical: ClinicalForm = field(default_factory=lambda: ClinicalForm(formdata=None))
    films: FilmsForm = field(default_factory=lambda: FilmsForm(formdata=None))
    deleting: DeleteForm = field(default_factory=lambda: DeleteForm(formdata=None))


def study_page(key: str, forms: StudyForms) -> str:
    """Write a study's page, with the forms on it."""
    study = services().studies.get(person(), key)
    audit_sight_after_response(Subject.STUDY, key)  # a form that comes back shows it too
    patient = services().studies.patient(person(), study)
    earlier = [other for other in services().studies.of_patient(person(), patient) if other.id != study.id]
    if not forms.clinical.is_submitted() or not forms.clinical.errors:
        forms.clinical.put(study.clinical)
    if forms.opinion.answer_version.data not in (None, "", study.answer_version):
        forms.opinion.agrees.data = None  # that was said of what stood there before
    ordered = services().studies.ordered(study)
    answer = study_answer(study, patient, get_timezone(), is_doubted=bool(ordered.of_others))
    shown = _shown(study, answer)
    return render_template(
        "studies/show.html",
        study=study,
        patient=patient,
        answer=answer,
        agreed=agreed_diagnosis(answer),
        taken=first_day(study, study.films, get_timezone()),
        shown=shown,
        number=study.films.index(shown) + 1 if shown else 0,
        headers=differing_headers(study, patient, services().studies.data),
        changes=services().studies.extent_changes(person(), study, patient),
        may_settle=patient.is_unclear and services().patient_studies.may_settle(person(), patient),
        earlier=earlier,
        priors=services().priors.of_patient(person(), patient),
        more_unread=person().may(Right.CONCLUDE) and services().worklist.next_unread(person(), study) is not None,
        ordered=ordered,
        objects=services().studies.objects_of(person(), study),
        object_classes=OTHER_CLASSES,
        before=services().films_before(study) if study.status == StudyStatus.WAITING else 0,
        forms=forms,
        sent_to=services().studies.recipients.sent_to([study]) if person().may(Right.DELETE) else None,
        is_outdated=partial(is_outdated, study),
        written_before=partial(written_before, gettext, study),
        may_take_back=partial(services().reference_results.may_take_back, person()),
    )


def _shown(study: Study, answer: StudyAnswer) -> FilmRecord | None:
    """Choose the film that a study's page shows large: the one asked for, else what asks for an answer, or leads."""
    films = {film.key: film for film in study.films}
    asking = [film for film in study.films if film.asks_for_corners]
    leading = films.get(answer.leading.key) if answer.read else None
    by_itself = [*asking, *filter(None, [leading]), *study.films]
    return films.get(request.args.get("film", "")) or next(iter(by_itself), None)
