"""The forms of studies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from enum import StrEnum
from typing import Any, cast

from flask_babel import get_timezone
from flask_babel import lazy_gettext as _
from wtforms import (
    BooleanField,
    DateField,
    IntegerField,
    MultipleFileField,
    RadioField,
    SearchField,
    SelectChoice,
    SelectField,
    SelectMultipleField,
    StringField,
    SubmitField,
    TextAreaField,
)
from wtforms.validators import InputRequired, Length, NumberRange, Optional
from wtforms.widgets import CheckboxInput, ListWidget

from lungwise.films.formats import FORMATS, PICTURES
from lungwise.reading.findings import FINDINGS
from lungwise.reading.pattern import NORMAL
from lungwise.studies.clinical_details import HIGHEST_SPO2, LONGEST_WORDS, LOWEST_SPO2, ClinicalDetails, Symptom
from lungwise.studies.diagnosis import CHOICES, Diagnosis
from lungwise.studies.labels import CONCLUSIONS, OUTCOMES, REASONS, RESULTS, SHORT, SYMPTOMS, TESTS
from lungwise.studies.models import StudyStatus
from lungwise.studies.reference_tests import SEEN, EnteredResult, Outcome, Reason, ReferenceTest, result_from
from lungwise.studies.service import Conclusion
from lungwise.studies.worklist import Order, WorklistQuery
from lungwise.webkit.forms import KnownField, PageForm, RecordForm

_SUFFIXES = [f".{suffix}" for known in FORMATS for suffix in known.suffixes]
ACCEPTED = ",".join([*_SUFFIXES, ".zip", "image/*", "application/dicom", "application/zip"])


CAMERA = {"accept": "image/*", "capture": "environment"}


class FilmsForm(PageForm):
    """Further films of a study."""

    pictures = ", ".join(PICTURES)
    films = MultipleFileField(_("Films"), render_kw={"accept": ACCEPTED})
    camera = MultipleFileField(_("Photograph a film"), render_kw=CAMERA)
    submit = SubmitField(_("Add films"))


def _choices(none: str, values: Iterable[StrEnum], words: Mapping[Any, str] = SHORT) -> list[SelectChoice]:
    return [SelectChoice("", none), *(SelectChoice(value.value, _(words[value])) for value in values)]


class OpinionForm(PageForm):
    """What a doctor concludes."""

    agrees = RadioField(
        _("The result above"),
        choices=[SelectChoice("yes", _("I agree")), SelectChoice("no", _("I disagree"))],
        validators=[Optional()],
    )
    conclusion = SelectField(_("Your conclusion"), choices=_choices(_("None yet"), CHOICES, CONCLUSIONS), default="")
    other = StringField(_("Which other diagnosis"), [Length(max=LONGEST_WORDS)])
    note = TextAreaField(_("Note"), [Length(max=4000)], render_kw={"rows": 3})
    answer_version = StringField(validators=[Optional(), Length(max=64)])
    submit = SubmitField(_("Save opinion"))

    def entered(self) -> Conclusion:
        """Return the fields as a conclusion."""
        return Conclusion(
            agrees={"yes": True, "no": False}.get(self.agrees.data or ""),
            conclusion=Diagnosis(self.conclusion.data) if self.conclusion.data else None,
            other=self.other.data or "",
            note=self.note.data or "",
            answer_version=self.answer_version.data or None,
        )


_RESULTS = [
    *_choices(_("Choose"), (), RESULTS),
    *(SelectChoice(one.value, _(OUTCOMES[one]), optgroup=_("A test found")) for one in Outcome),
    *(SelectChoice(one.value, _(RESULTS[one]), optgroup=_("A radiologist saw")) for one in SEEN),
]


class ResultForm(PageForm):
    """What a test found, or a radiologist saw."""

    kind = SelectField(
        _("Test"), [InputRequired()], choices=_choices(_("Choose"), ReferenceTest, TESTS), default="", id="test-kind"
    )
    result = SelectField(_("Result"), [InputRequired()], choices=_RESULTS, default="", id="test-result")
    tested_on = DateField(_("Date of the test"), [InputRequired()])
    reason = SelectField(
        _("Reason for the test"), choices=_choices(_("Not known"), Reason, REASONS), default="", id="test-reason"
    )
    submit = SubmitField(_("Save result"), id="test-submit")

    def entered(self) -> EnteredResult:
        """Return the fields as a result."""
        return EnteredResult(
            kind=ReferenceTest(self.kind.data),
            result=result_from(self.result.data),
            tested_on=cast(date, self.tested_on.data),
            reason=Reason(self.reason.data) if self.reason.data else None,
        )


class _Checkboxes(SelectMultipleField):
    """Several choices, each with a box to tick."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


class ClinicalFields(PageForm):
    """The patient's symptoms and oxygen saturation; all of it is optional."""

    symptoms = _Checkboxes(
        _("Symptoms"), choices=[SelectChoice(one.value, _(SYMPTOMS[one])) for one in Symptom], coerce=str
    )
    other_symptoms = StringField(_("Other symptoms, and since when"), [Length(max=LONGEST_WORDS)])
    spo2 = IntegerField(
        _("SpO2"),
        [
            Optional(),
            NumberRange(LOWEST_SPO2, HIGHEST_SPO2, _("SpO2 is a number from %(min)s to %(max)s.")),
        ],
        render_kw={"inputmode": "numeric", "autocomplete": "off"},
    )

    def details(self) -> ClinicalDetails:
        """Return the fields as clinical details.

        Raises
        ------
        Rejected
            If they cannot be right.
        """
        return ClinicalDetails(
            symptoms=tuple(Symptom(name) for name in self.symptoms.data or ()),
            other=(self.other_symptoms.data or "").strip(),
            spo2=self.spo2.data,
        )


class ClinicalForm(ClinicalFields, RecordForm[ClinicalDetails]):
    """Symptoms and oxygen saturation of a study that is here."""

    known = KnownField(ClinicalDetails)
    submit = SubmitField(_("Save"), id="clinical-submit")

    def put(self, record: ClinicalDetails) -> None:
        """Fill the fields with what is known."""
        self.symptoms.data = list(record.symptoms)
        self.other_symptoms.data, self.spo2.data = record.other, record.spo2
        self.known.data = record


WORDS = "words"
"""The parameter of an address that holds the words that search a patient, encrypted."""


def _findings() -> list[SelectChoice]:
    found = (one for one in FINDINGS if one.name != NORMAL)
    return [SelectChoice("", _("All")), *(SelectChoice(one.name, _(one.label)) for one in found)]


class WorklistForm(PageForm):
    """Which studies to list; sent in the body, for it may hold a patient's name."""

    text = SearchField(_("Patient name or number"), [Length(max=100)], render_kw={"autocomplete": "off"})
    status = SelectField(_("COVID-19 verdict"), name="standing", choices=_choices(_("All"), StudyStatus), default="")
    finding = SelectField(_("Looks like"), choices=_findings(), default="")
    unread = BooleanField(_("Unread only"))
    since = DateField(_("From"), [Optional()])
    until = DateField(_("To"), [Optional()])
    order = SelectField(
        _("Sort by"),
        default=Order.NEWEST.value,
        choices=[
            SelectChoice(Order.NEWEST.value, _("Newest first")),
            SelectChoice(Order.URGENT.value, _("Most urgent first")),
            SelectChoice(Order.PROBABLE.value, _("Most probable COVID-19 first")),
        ],
    )
    after = StringField(_("Pages"), [Length(max=80)])
    before = StringField(_("Pages"), [Length(max=80)])

    def address(self, words: str) -> dict[str, str]:
        """Return the fields as parameters of an address; the words that search a patient as they may stand there."""
        sent = {name: self[name].raw_data for name in self.data if name not in ("text", "csrf_token")}
        fields = {self[name].name: str(values[0]) for name, values in sent.items() if values and values[0]}
        return fields | ({WORDS: words} if words else {})

    def query(self) -> WorklistQuery:
        """Return the fields as a query; an invalid field filters nothing."""
        self.validate()
        good = {name: field.data for name, field in self._fields.items() if not field.errors}
        status, order = good.get("status"), good.get("order")
        return WorklistQuery(
            text=good.get("text") or "",
            status=StudyStatus(status) if status else None,
            finding=good.get("finding") or "",
            unread=bool(good.get("unread")),
            zone=get_timezone(),
            since=good.get("since"),
            until=good.get("until"),
            order=Order(order) if order else Order.NEWEST,
            after=good.get("after") or "",
            before=good.get("before") or "",
        )
