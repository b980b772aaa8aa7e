from __future__ import annotations

import pytest
from flask import Flask

from lungwise.accounts.tokens import Scope
from lungwise.api import schemas
from lungwise.api.framework.document import document
from lungwise.api.framework.operations import KeyConverter, Operations
from lungwise.webkit import problems

things = Operations()


@things.post("/things/<key:key>", schemas.StudyPage, 201, scope=Scope.CONCLUDE, body=schemas.PatientSearch)
def search_things(key: str, body: schemas.PatientSearch) -> schemas.StudyPage:
    """Search things.

    By their words.
    """
    return schemas.StudyPage(items=[], next=f"{key}:{body.text}")


@pytest.fixture
def app() -> Flask:
    app = Flask("things")
    app.url_map.converters["key"] = KeyConverter
    problems.init_api(app)
    things.register(app)
    return app


KEY = "0123456789abcdef0123"


def test_a_view_gets_what_is_checked_and_its_response_is_written(app: Flask) -> None:
    answer = app.test_client().post(f"/things/{KEY}", json={"text": "ada"})
    assert (answer.status_code, answer.json) == (201, {"items": [], "next": f"{KEY}:ada"})


def test_what_does_not_fit_is_refused(app: Flask) -> None:
    client = app.test_client()
    assert client.post(f"/things/{KEY}", json={"other": 1}).status_code == 422
    assert client.post(f"/things/{KEY}", data="text=ada").status_code == 415
    assert client.post(f"/things/{KEY}", json={}, headers={"Idempotency-Key": "é"}).status_code == 400
    assert client.post("/things/unknown", json={}).status_code == 404


def test_an_operation_declares_its_problems() -> None:
    ((operation, _view),) = things.items
    assert (operation.summary, operation.details) == ("Search things.", "By their words.")
    assert operation.problems == (400, 401, 403, 404, 409, 413, 415, 422, 429, 503, 507)
    path = document([operation], "1")["paths"]["/things/{key}"]["post"]
    assert {int(status) for status in path["responses"]} == {201, *operation.problems}
