from __future__ import annotations

from flask import Flask

from lungwise.webkit import rejections


def test_each_reason_is_noted_once_and_for_its_request_alone() -> None:
    app = Flask(__name__)
    with app.test_request_context("/"):
        for reason in (rejections.RULE, rejections.WEAK, rejections.RULE):
            rejections.note(reason)
        assert rejections.noted() == [rejections.RULE, rejections.WEAK]
    with app.test_request_context("/"):
        assert rejections.noted() == []
