"""The base of our pages' forms, and how a form's use case is run."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import cache
from typing import Any, Generic, TypeVar

from flask_babel import format_date, gettext
from flask_wtf import FlaskForm
from pydantic import TypeAdapter, ValidationError
from wtforms import Field, Form, HiddenField
from wtforms.fields.choices import SelectFieldBase

from lungwise.errors import Conflict, Rejected
from lungwise.webkit import rejections
from lungwise.webkit.i18n import FormTranslations
from lungwise.webkit.transactions import undo

T = TypeVar("T")
_adapter = cache(TypeAdapter)


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


class KnownField(HiddenField):
    """The record that a form was filled with, as JSON; it comes back with the form. None where it does not.

    Parameters
    ----------
    kind
        The record's type, which Pydantic can write and read.
    """

    data: Any

    def __init__(self, kind: type, **named: Any) -> None:  # noqa: ANN401 - as WTForms' own fields take them
        super().__init__(**named)
        self._adapter = _adapter(kind)

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Read the record; one of another release is as none."""
        try:
            self.data = self._adapter.validate_json(valuelist[0]) if valuelist else self.data
        except (ValidationError, Rejected):
            self.data = None

    def _value(self) -> str:
        return "" if self.data is None else self._adapter.dump_json(self.data).decode()


class RecordForm(PageForm, Generic[T]):
    """A form that replaces a whole record, and notices where somebody else has changed it since the form was filled.

    Each has a field `known`, a `KnownField`, with the record that it was filled with.
    """

    known: KnownField
    status = 200

    def put(self, record: T) -> None:
        """Fill the fields with a record."""
        raise NotImplementedError

    def save(self, use_case: Callable[[], object], current: Callable[[], T]) -> bool:
        """Do what the form asks for, and return whether it is done.

        Where somebody else changed the record first, nothing is done. The form is then shown with what is new in the
        fields that the person left as they were, says what that is, and has the status 409.
        """
        try:
            return attempt(self, use_case) is not None
        except Conflict:
            undo()
            self._renew(current())
            self.status = 409
            return False

    def _renew(self, record: T) -> None:
        was, now = type(self)(formdata=None), type(self)(formdata=None)
        was.put(self.known.data)
        now.put(record)
        told = []
        for field in self:
            before, after = was[field.name].data, now[field.name].data
            if field is self.known or _plain(before) == _plain(after):
                continue
            told.append(f"{field.label.text}: {_shown(field, after)}")
            if _plain(field.data) == _plain(before):
                field.data, field.raw_data = after, None
        self.known.data = record
        self.form_errors.append(
            gettext(
                "Someone else changed this first: %(what)s. "
                "The form shows that now, except where you entered something else. Check the form, then save it again.",
                what="; ".join(told),
            )
        )


def _plain(value: object) -> object:
    """Return a field's value without what a browser changes in it by itself."""
    if isinstance(value, str) or value is None:
        return " ".join((value or "").split())
    return sorted(value) if isinstance(value, list) else value


def _shown(field: Field, value: object) -> str:
    """Write a field's value as the form shows it."""
    if isinstance(field, SelectFieldBase):
        wanted = value if isinstance(value, list) else [value]
        value = ", ".join(str(choice.label) for choice in field.iter_choices() if choice.value in wanted)
    if isinstance(value, date):
        return str(format_date(value, "d MMM y"))
    return gettext("empty") if value in (None, "") else str(value)


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
