"""Metrics, request ids and health, asked for as those who watch do."""

from __future__ import annotations

import io
import json
import logging
import re
import time
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr, ValidationError
from sqlalchemy import select, text

from lungwise.access import Role
from lungwise.accounts.service import User
from lungwise.logs import JsonLines
from lungwise.settings import Settings
from lungwise.studies.models import Job
from lungwise.web_app import create_app

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import Visitor
    from lungwise.access import Person
    from lungwise.web_app import Lungwise
    from synthetic_reader import SyntheticReader


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """What the process logs, as JSON lines."""
    written: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            written.append(self.format(record))

    handler, log = Keep(), logging.getLogger("lungwise")
    handler.setFormatter(JsonLines())
    before = log.level
    log.setLevel(logging.INFO)
    log.addHandler(handler)
    yield written
    log.removeHandler(handler)
    log.setLevel(before)


def until(true: Callable[[], bool]) -> None:
    """Wait for what the reader's thread does once the reading is kept."""
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.01)


def value(page: str, line: str) -> float:
    found = re.search(rf"^{re.escape(line)} (\S+)$", page, re.MULTILINE)
    return float(found[1]) if found else 0.0


def test_the_metrics_count_requests_readings_refusals_and_the_queue(
    app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person], film: Callable[..., bytes], blank: bytes
) -> None:
    enrol(app, "Ada")
    ada = visit(app)
    ada.sign_in("ada@example.org")
    before = ada.get("/metrics").text
    for one in (film(1, 8), blank):
        ada.get(ada.upload(one, name="Béla Bartók"))
    refused = 'lungwise_refusals_total{code="not a film",model="synthetic",version="1"}'
    until(lambda: value(ada.get("/metrics").text, refused) > value(before, refused))
    after = ada.get("/metrics")
    assert after.content_type.startswith("text/plain")
    model = 'model="synthetic",version="1"'
    for line in (
        'lungwise_requests_total{method="GET",route="/studies/<key>",status="200"}',
        'lungwise_readings_total{model="synthetic",verdict="positive",version="1"}',
        'lungwise_stage_seconds_count{stage="decode"}',
        'lungwise_stage_seconds_count{stage="network"}',
        'lungwise_stage_seconds_count{stage="store"}',
        'lungwise_stage_seconds_count{stage="database"}',
    ):
        assert value(after.text, line) > value(before, line), line
    assert value(after.text, f"lungwise_model{{{model}}}") == 1
    assert value(after.text, "lungwise_queue_films") == 0
    assert "Bart" not in after.text


def test_the_queues_length_and_age_are_of_the_films_that_wait(
    settings: Settings,
    migrate: Callable[[Settings], None],
    synthetic_reader: type[SyntheticReader],
    visit: Callable[..., Visitor],
    enrol: Callable[..., Person],
    film: Callable[..., bytes],
) -> None:
    migrate(settings)
    app = create_app(settings, synthetic_reader)  # its room stands still
    enrol(app, "Ada")
    ada = visit(app)
    ada.sign_in("ada@example.org")
    ada.upload(film(1), film(2))
    with app.database.writing() as session:
        session.execute(text("UPDATE jobs SET created_at = '2020-01-01 00:00:00.000000'"))
    page = ada.get("/metrics").text
    assert value(page, "lungwise_queue_films") == 2
    assert value(page, "lungwise_queue_oldest_seconds") > 86400
    ready = ada.get("/readyz")
    assert ready.status_code == 200
    assert ready.json is not None
    assert ready.json["queue"]["films"] == 2
    for stranger in (
        visit(app, "10.0.0.7").get("/readyz"),
        ada.get("/readyz", headers={"X-Forwarded-For": "10.0.0.7"}),
    ):
        assert stranger.json == {"status": "ready", "database": True, "films": True}
    app.database.close()


def test_without_a_database_the_service_is_alive_but_not_ready(app: Lungwise, visit: Callable[..., Visitor]) -> None:
    with app.database.writing() as session:
        session.execute(text("ALTER TABLE jobs RENAME TO gone"))
    assert visit(app).get("/healthz").status_code == 200
    ready = visit(app).get("/readyz")
    assert ready.status_code == 503
    assert ready.json is not None
    assert (ready.json["database"], ready.json["films"], ready.json["queue"]) == (False, True, None)
    with app.database.writing() as session:
        session.execute(text("ALTER TABLE gone RENAME TO jobs"))


def test_strangers_read_no_metrics(app: Lungwise, visit: Callable[..., Visitor]) -> None:
    assert visit(app).get("/metrics").status_code == 200
    assert visit(app, "10.0.0.7").get("/metrics").status_code == 404
    assert visit(app).get("/metrics", headers={"X-Forwarded-For": "10.0.0.7"}).status_code == 404


def test_a_token_opens_the_metrics_to_other_machines_and_only_it_does(
    settings: Settings,
    migrate: Callable[[Settings], None],
    synthetic_reader: type[SyntheticReader],
    visit: Callable[..., Visitor],
) -> None:
    migrate(settings)
    app = create_app(
        settings.model_copy(update={"metrics_token": type(settings.secret_key)("tell me")}), synthetic_reader
    )
    stranger = visit(app, "10.0.0.7")
    told = {"Authorization": "Bearer tell me"}
    assert stranger.get("/metrics", headers=told).status_code == 200
    assert "queue" in (stranger.get("/readyz", headers=told).json or {})
    assert "queue" not in (stranger.get("/readyz").json or {})
    assert stranger.get("/metrics", headers={"Authorization": "Bearer guess"}).status_code == 404
    assert visit(app).get("/metrics").status_code == 404
    app.database.close()


def test_a_token_for_the_metrics_is_too_long_to_be_guessed() -> None:
    with pytest.raises(ValidationError, match="too short"):
        Settings(metrics_token=SecretStr("tell me"))
    assert Settings(metrics_token=SecretStr("0123456789" * 2)).metrics_token


def test_behind_a_proxy_that_says_nothing_right_strangers_read_no_metrics(
    settings: Settings,
    migrate: Callable[[Settings], None],
    synthetic_reader: type[SyntheticReader],
    visit: Callable[..., Visitor],
) -> None:
    migrate(settings)
    with_token = settings.model_copy(update={"proxies": 1})
    app = create_app(with_token, synthetic_reader)
    for header in ('"', "no address", "127.0.0.1", "10.0.0.7"):
        assert visit(app).get("/metrics", headers={"X-Forwarded-For": header}).status_code == 404
    app.database.close()


def test_a_request_id_follows_the_film_to_whoever_reads_it(
    app: Lungwise,
    visit: Callable[..., Visitor],
    enrol: Callable[..., Person],
    film: Callable[..., bytes],
    lines: list[str],
) -> None:
    enrol(app, "Ada")
    ada = visit(app)
    ada.sign_in("ada@example.org")
    ada.client.environ_base["HTTP_X_REQUEST_ID"] = "upload-0001"
    study = ada.upload(film(1, 8), name="Béla Bartók", identifier="SECRET-7")
    ada.client.environ_base["HTTP_X_REQUEST_ID"] = "look-0002"
    assert ada.get(study).headers["X-Request-ID"] == "look-0002"
    with app.database.reading() as session:
        assert session.scalars(select(Job.request_id)).all() == ["upload-0001"]
    until(lambda: any("is done" in line for line in lines))
    done = [json.loads(line) for line in lines if "is done" in line]
    assert [(line["request_id"], line["verdict"]) for line in done] == [("upload-0001", "positive")]
    seen = [json.loads(line) for line in lines if '"route": "/studies/<key>"' in line]
    assert [(line["request_id"], line["status"]) for line in seen] == [("look-0002", 200)]
    assert not [line for line in lines if "Bart" in line or "SECRET" in line or study.rsplit("/", 1)[1] in line]


def test_an_ill_formed_request_id_is_replaced(app: Lungwise, visit: Callable[..., Visitor]) -> None:
    answer = visit(app).get("/healthz", headers={"X-Request-ID": "<script>"})
    assert re.fullmatch("[0-9a-f]{20}", answer.headers["X-Request-ID"])


def test_whoever_is_refused_stands_in_the_log_by_key_and_address(
    app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person], lines: list[str]
) -> None:
    enrol(app, "Ada")
    ada = visit(app, "10.0.0.7")
    ada.sign_in("ada@example.org")
    with app.database.reading() as session:
        key = session.scalars(select(User.key)).one()

    ada.get("/audit")  # not a doctor's to see
    ada.client.get("/studies/0123456789abcdef0123")  # another clinic's, or nobody's
    ada.client.post("/studies/new", data={})  # without the form's token
    ada.client.get("/api/v1/studies", headers={"Authorization": "Bearer lw_guess"})

    refused = [json.loads(line) for line in lines if '"message": "refused' in line]
    assert [(line["route"], line["status"], line["account"]) for line in refused] == [
        ("/audit", 404, f"account {key}"),
        ("/studies/<key>", 404, f"account {key}"),
        ("/studies/new", 400, f"account {key}"),
        ("/api/v1/studies", 401, "nobody signed in"),
    ]
    assert {line["level"] for line in refused} == {"warning"}
    assert {line["address"] for line in refused} == {"10.0.0.7"}
    assert not [line for line in lines if "lw_guess" in line or "ada@" in line]


def security_lines(lines: list[str]) -> list[dict[str, Any]]:
    """Give what the log holds of security, and forget it."""
    found = [json.loads(line) for line in lines if '"logger": "lungwise.security"' in line]
    lines.clear()
    return found


def test_every_guess_stands_in_the_log_whatever_came_of_it(
    app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person], lines: list[str]
) -> None:
    enrol(app, "Ada")
    with app.database.reading() as session:
        key = session.scalars(select(User.key)).one()
    visitor = visit(app, "10.0.0.7")
    for email, password in (
        ("nobody@example.org", "a wrong guess"),
        ("ada@example.org", "a wrong guess"),
        ("ada@example.org", "three green kites fly"),
    ):
        visitor.post("/sign-in", email=email, password=password)
    said = [line for line in security_lines(lines) if "a guess at a sign-in" in line["message"]]
    assert [line["account"] for line in said] == ["nobody", f"account {key}", f"account {key}"]
    assert [" wrong" in line["message"] for line in said] == [True, True, False]
    for _ in range(12):
        visitor.post("/verify", password="a wrong guess")
        visit(app, "10.0.0.8").post("/sign-in", email="nobody@example.org", password="a wrong guess")
    said = security_lines(lines)
    locked = [line["message"] for line in said if "locked" in line["message"]]
    assert any("password once more" in line and key in line for line in locked)
    assert any("sign-in" in line and "nobody" in line and "10.0.0.8" in line for line in locked)
    assert "a wrong guess" not in json.dumps(said)
    assert "nobody@" not in json.dumps(said)


def test_a_refused_form_and_a_way_that_ends_at_the_sign_in_stand_in_the_log_without_what_was_typed(
    app: Lungwise,
    visit: Callable[..., Visitor],
    enrol: Callable[..., Person],
    lines: list[str],
    film: Callable[..., bytes],
) -> None:
    enrol(app, "Ada", role=Role.ADMINISTRATOR)
    ada = visit(app, "10.0.0.7")
    ada.get("/metrics")
    ada.get("/studies")
    ada.get("/password/forgotten/no-link")
    ada.sign_in("ada@example.org")
    ada.post("/accounts", email="Béla, at nowhere", role="doctor")
    ada.post("/password", password="three green kites fly", new_password="short", new_password_confirm="short")
    ada.post("/studies/new", name="B" * 300)
    study = ada.upload(film(1))
    ada.post(f"{study}/films", page=study, films=[(io.BytesIO(b"Bela"), "Béla.jpg")])
    ada.post(f"{study}/opinions", page=study, agrees="Béla")
    ada.get("/audit?since=Béla")
    ada.post("/second-factor", setup="authenticator")
    ada.post("/second-factor", code="Béla")
    with ada.client.session_transaction() as session:
        session["fs_paa"] = 0
    ada.get("/second-factor")
    with ada.client.session_transaction() as session:
        session["session"] = "another"
    ada.get("/studies")

    said = [line for line in security_lines(lines) if line["message"].startswith("refused")]
    assert [(line["route"], line["reason"]) for line in said] == [
        ("/metrics", "Not Found"),
        ("/studies", "not signed in"),
        ("/password/forgotten/<token>", "the link is not valid"),
        ("/accounts", "fields: email"),
        ("/password", "fields: new_password"),
        ("/studies/new", "fields: name"),
        ("/studies/<key>/films", "a rule"),
        ("/studies/<key>/opinions", "fields: agrees"),
        ("/audit", "fields: since"),
        ("/second-factor", "fields: code"),
        ("/second-factor", "the password is asked for once more"),
        ("/studies", "the session is over"),
    ]
    assert "Béla" not in json.dumps(said, ensure_ascii=False)
    assert {line["address"] for line in said} == {"10.0.0.7"}
