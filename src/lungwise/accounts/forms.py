"""The forms of accounts."""

from __future__ import annotations

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    EmailField,
    PasswordField,
    SelectChoice,
    SelectField,
    SelectMultipleField,
    StringField,
    SubmitField,
)
from wtforms.validators import DataRequired, Email, EqualTo, InputRequired, Length, ValidationError
from wtforms.widgets import CheckboxInput, ListWidget

from lungwise.access import PEOPLE
from lungwise.accounts.labels import ROLES, SCOPES
from lungwise.accounts.passwords import MOST_CHARACTERS
from lungwise.accounts.tokens import Scope
from lungwise.inputs import LINE
from lungwise.languages import LANGUAGES
from lungwise.webkit.forms import PageForm


def _one_line(_form: FlaskForm, field: StringField) -> None:
    if any(ord(letter) < 32 for letter in field.data or ""):
        raise ValidationError(str(_("This contains characters that cannot be saved.")))


_NAME = [DataRequired(_("Enter your name.")), Length(max=LINE), _one_line]
_EMAIL = [InputRequired(_("Enter an e-mail address.")), Length(max=255), Email(_("This is not an e-mail address."))]
_NEW = {"autocomplete": "new-password"}
CODE = {"autocomplete": "one-time-code", "inputmode": "numeric"}
"""What lets a phone offer the code of its authenticator app."""


class PasswordForm(PageForm):
    """Name and a new password, twice."""

    name = StringField(_("Your name"), _NAME, render_kw={"autocomplete": "name"})
    password = PasswordField(
        _("Password"), [InputRequired(_("Choose a password.")), Length(max=MOST_CHARACTERS)], render_kw=_NEW
    )
    again = PasswordField(
        _("The same password again"),
        [EqualTo("password", _("The two passwords are different.")), Length(max=MOST_CHARACTERS)],
        render_kw=_NEW,
    )


class InvitedForm(PasswordForm):
    """What an invited person says of themselves."""

    submit = SubmitField(_("Create the account"))


class RegisterForm(PasswordForm):
    """What somebody says of themselves to open an account."""

    email = EmailField(_("E-mail address"), _EMAIL, render_kw={"autocomplete": "email"})
    clinic = SelectField(_("Clinic"), coerce=int)
    submit = SubmitField(_("Create an account"))


class WelcomeForm(PasswordForm):
    """What the first administrator says."""

    clinic_name = StringField(_("Name of your clinic"), [DataRequired(), Length(max=LINE), _one_line])
    email = EmailField(_("E-mail address"), _EMAIL, render_kw={"autocomplete": "email"})
    code = StringField(
        _("Set-up code"),
        [InputRequired(), Length(max=64)],
        description=_("It is shown in the window where Lungwise was started."),
        render_kw={"autocomplete": "off"},
    )
    submit = SubmitField(_("Start"))


class SetUpForm(PageForm):
    """The first code of a new key."""

    code = StringField(_("Code"), [Length(max=64)], render_kw=CODE)


class RecoveryForm(PageForm):
    """Whose password is forgotten."""

    email = EmailField(_("E-mail address"), _EMAIL, render_kw={"autocomplete": "email"})
    submit = SubmitField(_("Send the link"))


class ProfileForm(PageForm):
    """One's own name and language."""

    name = StringField(_("Your name"), _NAME, render_kw={"autocomplete": "name"})
    language = SelectField(
        _("Language"),
        choices=[
            SelectChoice("", _("Same as the browser")),
            *(SelectChoice(*one) for one in LANGUAGES.items()),
        ],
    )
    submit = SubmitField(_("Save"))


_ROLES = [SelectChoice(role.value, _(ROLES[role])) for role in PEOPLE]


class InviteForm(PageForm):
    """Whom to invite, and as what."""

    email = EmailField(_("E-mail address"), _EMAIL, render_kw={"autocomplete": "off"})
    role = SelectField(_("Role"), choices=_ROLES)
    submit = SubmitField(_("Invite"))


class RoleForm(PageForm):
    """Another role for a colleague."""

    role = SelectField(_("Role"), choices=_ROLES)
    submit = SubmitField(_("Change role"))


class DeleteAccountForm(PageForm):
    """Whether to delete a colleague's account."""

    sure = BooleanField(_("Delete permanently; this cannot be undone"), [InputRequired(_("Tick this first."))])
    submit = SubmitField(_("Delete the account"))


class TokenForm(PageForm):
    """What a program may do, and for how long."""

    name = StringField(
        _("What will use it"),
        [DataRequired(_("Say what will use the token.")), Length(max=LINE), _one_line],
        render_kw={"autocomplete": "off"},
    )
    scopes = SelectMultipleField(
        _("It can see studies and patients, and also"),
        choices=[SelectChoice(scope.value, _(SCOPES[scope])) for scope in Scope if scope is not Scope.SEE],
        option_widget=CheckboxInput(),
        widget=ListWidget(prefix_label=False),
    )
    days = SelectField(
        _("Valid for"),
        coerce=int,
        default=90,
        choices=[
            SelectChoice(1, _("a day")),
            SelectChoice(30, _("a month")),
            SelectChoice(90, _("three months")),
            SelectChoice(366, _("a year")),
        ],
    )
    submit = SubmitField(_("Create the token"))

    def offer(self, *, may_delete: bool) -> None:
        """Offer a token that deletes only to who may delete."""
        if not may_delete:
            self.scopes.choices = [one for one in self.scopes.choices if one.value != Scope.DELETE]
