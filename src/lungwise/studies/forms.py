"""The forms of studies."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from flask_babel import lazy_gettext as _
from wtforms import (
    BooleanField,
    DateField,
    MultipleFileField,
    RadioField,
    SearchField,
    SelectChoice,
    SelectField,
    StringField,
    SubmitField,
    TextAreaField,
)
from wtforms.validators import Length, Optional

from lungwise.films.formats import FORMATS
from lungwise.reading.reading import Verdict
from lungwise.studies.labels import SHORT
from lungwise.studies.models import StudyStatus
from lungwise.studies.service import Conclusion
from lungwise.studies.worklist import Order, WorklistQuery
from lungwise.webkit.forms import PageForm

_SUFFIXES = [f".{suffix}" for known in FORMATS for suffix in known.suffixes]
ACCEPTED = ",".join([*_SUFFIXES, ".zip", "image/*", "application/dicom", "application/zip"])


class FilmsForm(PageForm):
    """Further films of a study."""

    films = MultipleFileField(_("Films"), render_kw={"accept": ACCEPTED})
    submit = SubmitField(_("Add films"))


def _choices(none: str, values: Iterable[StrEnum]) -> list[SelectChoice]:
    return [SelectChoice("", none), *(SelectChoice(value.value, _(SHORT[value.value])) for value in values)]


class OpinionForm(PageForm):
    """What a doctor concludes."""

    agrees = RadioField(
        _("The verdict"),
        choices=[SelectChoice("yes", _("I agree")), SelectChoice("no", _("I disagree"))],
        validators=[Optional()],
    )
    conclusion = SelectField(_("Your conclusion"), choices=_choices(_("None yet"), Verdict), default="")
    pcr = SelectField(
        _("PCR result"),
        choices=_choices(_("None yet"), (Verdict.NEGATIVE, Verdict.POSITIVE)),
        default="",
    )
    note = TextAreaField(_("Note"), [Length(max=4000)], render_kw={"rows": 3})
    submit = SubmitField(_("Save opinion"))

    def entered(self) -> Conclusion:
        """Return the fields as a conclusion."""
        return Conclusion(
            agrees={"yes": True, "no": False}.get(self.agrees.data or ""),
            conclusion=Verdict(self.conclusion.data) if self.conclusion.data else None,
            pcr=Verdict(self.pcr.data) if self.pcr.data else None,
            note=self.note.data or "",
        )


class WorklistForm(PageForm):
    """Which studies to list; sent in the body, for it may hold a patient's name."""

    text = SearchField(_("Patient name or number"), [Length(max=100)], render_kw={"autocomplete": "off"})
    status = SelectField(_("Verdict"), name="standing", choices=_choices(_("All"), StudyStatus), default="")
    unread = BooleanField(_("Unread only"))
    since = DateField(_("From"), [Optional()])
    until = DateField(_("To"), [Optional()])
    order = SelectField(
        _("Sort by"),
        default=Order.NEWEST.value,
        choices=[
            SelectChoice(Order.NEWEST.value, _("Newest first")),
            SelectChoice(Order.PROBABLE.value, _("Most probable first")),
        ],
    )
    after = StringField(_("Pages"), [Length(max=80)])
    before = StringField(_("Pages"), [Length(max=80)])

    def query(self) -> WorklistQuery:
        """Return the fields as a query; an invalid field filters nothing."""
        self.validate()
        good = {name: field.data for name, field in self._fields.items() if not field.errors}
        status, order = good.get("status"), good.get("order")
        return WorklistQuery(
            text=good.get("text") or "",
            status=StudyStatus(status) if status else None,
            unread=bool(good.get("unread")),
            since=good.get("since"),
            until=good.get("until"),
            order=Order(order) if order else Order.NEWEST,
            after=good.get("after") or "",
            before=good.get("before") or "",
        )
