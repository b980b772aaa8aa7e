"""The forms by which films come in."""

from __future__ import annotations

from flask_babel import lazy_gettext as _
from wtforms import FloatField, MultipleFileField, SubmitField
from wtforms.validators import InputRequired, NumberRange
from wtforms.widgets import NumberInput

from lungwise.films.formats import PICTURES
from lungwise.patients.forms import PatientFields
from lungwise.receiving.photographs import Corners
from lungwise.studies.forms import ACCEPTED, CAMERA, ClinicalFields
from lungwise.webkit.forms import PageForm


def _hundredths(label: str) -> FloatField:
    return FloatField(label, [InputRequired(), NumberRange(0, 100)], render_kw={"step": "0.1"}, widget=NumberInput())


class NewStudyForm(PatientFields, ClinicalFields):
    """Films, whose they are, and what the patient complains of."""

    pictures = ", ".join(PICTURES)
    films = MultipleFileField(_("Films"), render_kw={"accept": ACCEPTED})
    camera = MultipleFileField(_("Photograph a film"), render_kw=CAMERA)
    submit = SubmitField(_("Read the films"))


class CornersForm(PageForm):
    """Where the film lies in a photograph: across and down in hundredths of the picture."""

    x0 = _hundredths(_("Upper left, across"))
    y0 = _hundredths(_("Upper left, down"))
    x1 = _hundredths(_("Upper right, across"))
    y1 = _hundredths(_("Upper right, down"))
    x2 = _hundredths(_("Lower right, across"))
    y2 = _hundredths(_("Lower right, down"))
    x3 = _hundredths(_("Lower left, across"))
    y3 = _hundredths(_("Lower left, down"))
    submit = SubmitField(_("Read the film as marked"))

    def corners(self) -> Corners:
        """Return the corners as fractions of the picture."""
        a, b, c, d = ((self._fraction(f"x{n}"), self._fraction(f"y{n}")) for n in range(4))
        return a, b, c, d

    def _fraction(self, name: str) -> float:
        return round(float(self[name].data) / 100, 4)

    def put(self, corners: Corners) -> None:
        """Fill the form with corners."""
        for n, (x, y) in enumerate(corners):
            self[f"x{n}"].data, self[f"y{n}"].data = round(100 * x, 1), round(100 * y, 1)


class PhotographForm(PageForm):
    """Another photograph of the film."""

    camera = MultipleFileField(_("Photograph the film again"), render_kw=CAMERA)
    submit = SubmitField(_("Send the new photograph"))
