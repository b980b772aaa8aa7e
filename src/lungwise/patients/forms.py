"""The forms of patients."""

from __future__ import annotations

from flask_babel import get_timezone
from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import BooleanField, DateField, SearchField, SelectChoice, SelectField, StringField, SubmitField
from wtforms.validators import DataRequired, InputRequired, Length, Optional, ValidationError

from lungwise.films.dicom.header import is_possible_birth
from lungwise.patients.labels import SEXES
from lungwise.patients.service import PatientFacts
from lungwise.store import utc_now
from lungwise.time_zones import day_in
from lungwise.webkit.forms import KnownField, PageForm, RecordForm


def one_line(_form: FlaskForm, field: StringField) -> None:
    """Reject control characters."""
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in field.data or ""):
        raise ValidationError(str(_("This contains characters that cannot be saved.")))


def possible_birth(_form: FlaskForm, field: DateField) -> None:
    """Reject a birth date in the future, or too long ago."""
    if field.data and not is_possible_birth(field.data, day_in(get_timezone(), utc_now())):
        raise ValidationError(
            str(_("This birth date cannot be right: it is in the future or more than 120 years ago."))
        )


class PatientFields(PageForm):
    """What is known of a patient; an empty identifier asks for a new one."""

    identifier = StringField(_("Identifier"), [Length(max=64), one_line], render_kw={"autocomplete": "off"})
    name = StringField(_("Name"), [Length(max=200), one_line], render_kw={"autocomplete": "off"})
    sex = SelectField(_("Sex"), choices=[SelectChoice(sex, _(SEXES[sex])) for sex in ("", "F", "M", "O")], default="")
    birth_date = DateField(
        _("Birth date"),
        [Optional(), possible_birth],
        description=_("Without it, a child's film gets an adult's answer."),
    )

    def facts(self) -> PatientFacts:
        """Return the fields as facts."""
        return PatientFacts.typed(self.data)


class PatientForm(PatientFields, RecordForm[PatientFacts]):
    """Correct a patient."""

    known = KnownField(PatientFacts)
    issuer = StringField(_("Issuer of the identifier"), [Length(max=64), one_line], render_kw={"autocomplete": "off"})
    ideographic = StringField(_("Name in ideographs"), [Length(max=200), one_line], render_kw={"autocomplete": "off"})
    phonetic = StringField(
        _("Name in phonetic letters"), [Length(max=200), one_line], render_kw={"autocomplete": "off"}
    )
    submit = SubmitField(_("Save"))

    def put(self, record: PatientFacts) -> None:
        """Fill the fields with what is known."""
        self.process(obj=record, known=record)


class SearchForm(PageForm):
    """Search, sent in the body: a patient's name is never in an address."""

    text = SearchField(_("Patient name or number"), [Length(max=100)], render_kw={"autocomplete": "off"})


class MergeForm(PageForm):
    """Which patient may be the same person."""

    identifier = StringField(_("Identifier of the other entry"), [DataRequired(), Length(max=64), one_line])
    submit = SubmitField(_("Compare the two"))


class MergeSureForm(PageForm):
    """That two entries, which were both shown, are one person."""

    other = StringField(validators=[InputRequired(), Length(max=20)])
    sure = BooleanField(_("Both entries are the same person"), [InputRequired(_("Tick this first."))])
    submit = SubmitField(_("Merge into this patient"))


class DeleteForm(PageForm):
    """Delete for good, after a second thought."""

    sure = BooleanField(
        _("Delete permanently; this cannot be undone"), [InputRequired(_("Tick this first."))], id="sure-delete"
    )
    submit = SubmitField(_("Delete"))
