"""The base of our pages' forms, and how a form's use case is run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from flask_babel import gettext
from flask_wtf import FlaskForm
from wtforms import Form

from lungwise.errors import Rejected
from lungwise.webkit import rejections
from lungwise.webkit.i18n import FormTranslations
from lungwise.webkit.transactions import undo

T = TypeVar("T")


class LogsRejection:
    """A form that logs which of its fields were rejected; a missing CSRF token has a status of its own.

    What WTForms itself says of a field is said in the page's language.
    """

    class Meta:
        """What WTForms asks of the form's kind."""

        def get_translations(self, _form: Form) -> FormTranslations:
            """Return the translations of WTForms' own sentences."""
            return FormTranslations()

    def validate(self, *args: Any, **kwargs: Any) -> bool:  # noqa: ANN401 - as the form it stands before takes them
        """Check the form."""
        valid = bool(super().validate(*args, **kwargs))  # type: ignore[misc]
        wrong = [field.name for field in self if field.errors and field.name != "csrf_token"]  # type: ignore[attr-defined]
        if wrong:
            rejections.note(f"fields: {', '.join(wrong)}")
        elif self.form_errors:  # type: ignore[attr-defined]
            rejections.note(rejections.RULE)
        return valid


class PageForm(LogsRejection, FlaskForm):
    """The base of our own pages' forms."""


def only_valid(form: Form) -> None:
    """Require a form whose fields are all valid, for answers that cannot show a field's error.

    Raises
    ------
    Rejected
        With the first field's error.
    """
    if not form.validate():
        raise Rejected(next(f"{field.label.text}: {field.errors[0]}" for field in form if field.errors))


def attempt(form: FlaskForm, use_case: Callable[[], T]) -> T | None:
    """Do what a form asks for. If a rule rejects it, roll back and let the form say why."""
    try:
        return use_case()
    except Rejected as rejected:
        undo()
        rejections.note(rejections.RULE)
        form.form_errors.append(rejected.translated(gettext))
        return None
