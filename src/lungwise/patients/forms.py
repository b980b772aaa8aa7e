"""The forms of patients."""

from __future__ import annotations

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import BooleanField, DateField, SearchField, SelectChoice, SelectField, StringField, SubmitField
from wtforms.validators import InputRequired, Length, Optional, ValidationError

from lungwise.patients.service import PatientFacts
from lungwise.studies.wording import SEXES


def one_line(_form: FlaskForm, field: StringField) -> None:
    """Let no sign through that cannot be written on one line."""
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in field.data or ""):
        raise ValidationError(str(_("This holds signs that cannot be written.")))


class PatientFields(FlaskForm):
    """What is known of a patient; an empty identifier asks for a new one."""

    identifier = StringField(_("Identifier"), [Length(max=64), one_line], render_kw={"autocomplete": "off"})
    name = StringField(_("Name"), [Length(max=200), one_line], render_kw={"autocomplete": "off"})
    sex = SelectField(_("Sex"), choices=[SelectChoice(sex, _(SEXES[sex])) for sex in ("", "F", "M", "O")], default="")
    birth_date = DateField(_("Birth date"), [Optional()])

    def facts(self) -> PatientFacts:
        """Give the fields as facts."""
        return PatientFacts(
            (self.identifier.data or "").strip(),
            (self.name.data or "").strip(),
            self.sex.data or "",
            self.birth_date.data,
        )


class PatientForm(PatientFields):
    """Correct a patient."""

    submit = SubmitField(_("Save"))


class SearchForm(FlaskForm):
    """Search, sent in the body: a patient's name is never in an address."""

    text = SearchField(_("Name or identifier, in whole words"), [Length(max=100)], render_kw={"autocomplete": "off"})
    after = StringField()


class MergeForm(FlaskForm):
    """Which patient is the same person."""

    identifier = StringField(_("Identifier of the other entry"), [InputRequired(), Length(max=64), one_line])
    sure = BooleanField(_("Both entries are one person"), [InputRequired()])
    submit = SubmitField(_("Merge into this patient"))


class DeleteForm(FlaskForm):
    """Delete for good, after a second thought."""

    sure = BooleanField(_("Delete for good; this cannot be undone"), [InputRequired()], id="sure-delete")
    submit = SubmitField(_("Delete"))
