from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from werkzeug.datastructures import MultiDict
from wtforms import Form, IntegerField, SelectField, StringField
from wtforms.validators import InputRequired, Optional

from lungwise.errors import Conflict, Rejected
from lungwise.webkit import rejections
from lungwise.webkit.forms import KnownField, LogsRejection, PageForm, RecordForm, attempt, only_valid

if TYPE_CHECKING:
    from lungwise.web_app import Lungwise


class Named(LogsRejection, Form):  # type: ignore[misc]
    name = StringField("Name", [InputRequired("Write a name.")])


def refuse() -> None:
    raise Rejected("%(name)s is too long.", name="Ada")


def test_a_use_case_that_breaks_a_rule_is_undone_and_the_form_says_why(app: Lungwise) -> None:
    with app.test_request_context("/", method="POST"):
        app.preprocess_request()
        form = PageForm(meta={"csrf": False})
        assert attempt(form, lambda: 7) == 7
        assert attempt(form, refuse) is None
        assert form.form_errors == ["Ada is too long."]
        assert rejections.noted() == [rejections.RULE]
        app.do_teardown_request()


@dataclass(frozen=True)
class Asked:
    sex: str = ""
    days: int | None = None
    note: str = ""


class AskedForm(RecordForm[Asked]):
    known = KnownField(Asked)
    sex = SelectField("Sex", choices=[("", "Not known"), ("F", "Female")])
    days = IntegerField("Days", [Optional()])
    note = StringField("Note")

    def put(self, record: Asked) -> None:
        self.known.data = record
        self.sex.data, self.days.data, self.note.data = record.sex, record.days, record.note


def collide() -> None:
    raise Conflict("Someone else changed this first.")


def test_what_is_new_is_shown_where_a_person_entered_nothing_else(app: Lungwise) -> None:
    typed = {"known": '{"days": 3, "note": "a b"}', "days": "3", "note": " a  b ", "sex": ""}
    with app.test_request_context("/", method="POST", data=typed):
        app.preprocess_request()
        form = AskedForm(meta={"csrf": False})
        assert form.known.data == Asked(days=3, note="a b")
        assert not form.save(collide, lambda: Asked(sex="F", note="c"))
        assert form.form_errors[0].startswith(
            "Someone else changed this first: Sex: Female; Days: empty; Note: c. The form"
        )
        assert (form.status, form.sex.data, form.days.data, form.note.data) == (409, "F", None, "c")
        assert 'value="3"' not in form.days()
        assert "&#34;sex&#34;:&#34;F&#34;" in form.known()
        app.do_teardown_request()


@pytest.mark.parametrize("known", ["", "[", '{"days": "many"}', '{"days": {}}'])
def test_what_a_form_of_another_release_was_filled_with_is_not_known(app: Lungwise, known: str) -> None:
    with app.test_request_context("/", method="POST", data={"known": known, "sex": ""}):
        form = AskedForm(meta={"csrf": False})
        assert (form.known.data, form.validate(), form.status) == (None, True, 200)
        assert form.save(lambda: True, Asked)


def test_the_log_names_the_fields_that_were_wrong(app: Lungwise) -> None:
    with app.test_request_context("/"):
        assert not Named(MultiDict({"name": ""})).validate()
        assert rejections.noted() == ["fields: name"]


def test_where_no_field_can_be_shown_the_first_error_is_the_answer(app: Lungwise) -> None:
    with app.test_request_context("/"):
        only_valid(Named(MultiDict({"name": "Ada"})))
        with pytest.raises(Rejected, match="Name: Write a name"):
            only_valid(Named(MultiDict({"name": ""})))
