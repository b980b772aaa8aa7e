"""The form of a clinic's settings."""

from __future__ import annotations

import unicodedata
from decimal import Decimal

from flask_babel import get_locale, gettext
from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import DecimalField, IntegerField, SelectChoice, SelectField, StringField, SubmitField, TextAreaField
from wtforms.validators import DataRequired, Length, NumberRange, Optional, ValidationError
from wtforms.widgets import NumberInput

from lungwise.clinics.clinic_settings import ClinicChoices, RetentionMode
from lungwise.clinics.labels import REGISTRATIONS
from lungwise.inputs import LINE
from lungwise.languages import LANGUAGES
from lungwise.settings import Registration, Settings
from lungwise.store import Clock
from lungwise.time_zones import UTC_NAME, offset_label, zone_names, zone_of
from lungwise.webkit.forms import KnownField, RecordForm

_MOST_LINES = 6
_HUNDRED = Decimal(100)


def _few_lines(_form: FlaskForm, field: TextAreaField) -> None:
    lines = (field.data or "").splitlines()
    if len(lines) > _MOST_LINES or any(len(line) > LINE for line in lines):
        raise ValidationError(gettext("Write at most %(n)s lines that fit on a page.", n=_MOST_LINES))


def _one_line(_form: FlaskForm, field: StringField) -> None:
    if any(ord(letter) < 32 for letter in field.data or ""):
        raise ValidationError(gettext("This contains characters that cannot be saved."))


class ClinicForm(RecordForm[ClinicChoices]):
    """What a clinic's administrator sets; what stays empty is as the installation is set."""

    known = KnownField(ClinicChoices)
    name = StringField(_("Name of the clinic"), [DataRequired(_("Enter a name.")), Length(max=LINE), _one_line])
    letterhead = TextAreaField(
        _("Letterhead"),
        [Length(max=_MOST_LINES * LINE), _few_lines],
        description=_("Lines below the name on reports: address, telephone, registration number."),
        render_kw={"rows": 3},
    )
    time_zone = SelectField(_("Time zone"))
    prevalence = DecimalField(
        _("Of 100 people whose chest is X-rayed, how many have COVID-19?"),
        [Optional(), NumberRange(0, 100)],
        widget=NumberInput(step="any", min=0, max=100),
        render_kw={"inputmode": "decimal"},
    )
    language = SelectField(_("Language"))
    registration = SelectField(_("Who may open an account"))
    result_days = IntegerField(
        _("A test result counts for a film within so many days"),
        [Optional(), NumberRange(0, 30)],
        render_kw={"inputmode": "numeric"},
    )
    sampled = IntegerField(
        _("Of how many studies is one drawn for a check?"),
        [Optional(), NumberRange(2, 1000)],
        description=_(
            "Empty: none. The patients of the studies that are drawn are to be tested whatever their film says: only "
            "so does local accuracy know whom the model misses. With one in two, thresholds of your own can be "
            "proposed soon; with one in twenty, seldom."
        ),
        render_kw={"inputmode": "numeric"},
    )
    retention = SelectField(
        _("What is done with old studies"),
        default="",
        description=_(
            "Nothing is removed by itself: an administrator sees what is due on the page of old studies, "
            "and agrees to it."
        ),
    )
    retention_days = IntegerField(
        _("A study is old after so many days"),
        [Optional(), NumberRange(30, 36500)],
        render_kw={"inputmode": "numeric"},
    )
    submit = SubmitField(_("Save"))

    def validate_retention(self, field: SelectField) -> None:
        """Require a number of days where old studies are not kept."""
        if field.data and self.retention_days.data is None:
            raise ValidationError(gettext("Enter after how many days a study is old."))

    def offer(self, settings: Settings, clock: Clock) -> None:
        """Offer what can be chosen, and say what holds where nothing is."""
        installed = f"{gettext('As set for this installation')}: {_zone_text(settings.time_zone, clock)}"
        self.time_zone.choices = [SelectChoice("", installed), SelectChoice(UTC_NAME, UTC_NAME), *_zones(clock)]
        self.language.choices = [SelectChoice("", gettext("As each browser is set")), *map(_language, LANGUAGES)]
        as_set = gettext("As set for this installation")
        ways = [SelectChoice(way.value, gettext(label)) for way, label in REGISTRATIONS.items()]
        self.registration.choices = [SelectChoice("", as_set), *ways]
        self.registration.description = gettext(
            "As set for this installation: %(what)s", what=gettext(REGISTRATIONS[settings.registration])
        )
        self.retention.choices = [
            SelectChoice("", gettext("They are kept")),
            SelectChoice(RetentionMode.DELETE.value, gettext("They are deleted")),
        ]
        if settings.archive_folder or self.retention.data == RetentionMode.ARCHIVE:
            archived = gettext("They are archived, encrypted, and then deleted")
            self.retention.choices.append(SelectChoice(RetentionMode.ARCHIVE.value, archived))
        self.result_days.description = gettext("Empty: %(n)s, as the installation is set.", n=settings.result_days)
        self.prevalence.description = gettext(
            "If left empty: %(n)s, as set for this installation. "
            "It decides how many positive and negative results are correct.",
            n=f"{settings.prevalence * 100:g}",
        )

    def put(self, record: ClinicChoices) -> None:
        """Show what is chosen."""
        self.known.data = record
        self.name.data, self.letterhead.data = record.name, record.letterhead
        self.time_zone.data, self.language.data = record.time_zone or "", record.language or ""
        self.registration.data = record.registration.value if record.registration else ""
        self.sampled.data, self.result_days.data = record.sampled, record.result_days
        self.retention.data, self.retention_days.data = record.retention or "", record.retention_days
        share = record.prevalence
        self.prevalence.data = None if share is None else Decimal(f"{share * 100:.6g}")

    def choices(self) -> ClinicChoices:
        """Return what was entered."""
        share = self.prevalence.data
        return ClinicChoices(
            name=(self.name.data or "").strip(),
            letterhead="\n".join(line.strip() for line in (self.letterhead.data or "").strip().splitlines()),
            time_zone=self.time_zone.data or None,
            prevalence=None if share is None else float(share / _HUNDRED),
            language=self.language.data or None,
            registration=Registration(self.registration.data) if self.registration.data else None,
            sampled=self.sampled.data,
            result_days=self.result_days.data,
            retention=RetentionMode(self.retention.data) if self.retention.data else None,
            retention_days=self.retention_days.data,
        )


def _language(code: str) -> SelectChoice:
    return SelectChoice(code, LANGUAGES[code])


def _zones(clock: Clock) -> list[SelectChoice]:
    """List the zones by their cities, as the page's language calls and sorts them."""
    zones = [SelectChoice(name, _zone_text(name, clock)) for name in zone_names() if name != UTC_NAME]
    return sorted(zones, key=lambda choice: unicodedata.normalize("NFKD", choice.label))


def _zone_text(name: str, clock: Clock) -> str:
    if name == UTC_NAME:
        return name
    locale = get_locale()
    city = locale.time_zones.get(name, {}).get("city") if locale else None
    place = city or name.rsplit("/", 1)[-1].replace("_", " ")
    return f"{place} ({offset_label(clock(), zone_of(name))})"
