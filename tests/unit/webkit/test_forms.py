from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from werkzeug.datastructures import MultiDict
from wtforms import Form, StringField
from wtforms.validators import InputRequired

from lungwise.errors import Rejected
from lungwise.webkit import rejections
from lungwise.webkit.forms import LogsRejection, PageForm, attempt, only_valid

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


def test_the_log_names_the_fields_that_were_wrong(app: Lungwise) -> None:
    with app.test_request_context("/"):
        assert not Named(MultiDict({"name": ""})).validate()
        assert rejections.noted() == ["fields: name"]


def test_where_no_field_can_be_shown_the_first_error_is_the_answer(app: Lungwise) -> None:
    with app.test_request_context("/"):
        only_valid(Named(MultiDict({"name": "Ada"})))
        with pytest.raises(Rejected, match="Name: Write a name"):
            only_valid(Named(MultiDict({"name": ""})))
