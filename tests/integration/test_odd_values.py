"""Every form, query parameter and address, of pages, API and DICOMweb, with values that nobody means well."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from pydantic import BaseModel
from werkzeug.datastructures import FileStorage

import lungwise
from lungwise.access import Role
from lungwise.accounts.tokens import Scope, Tokens
from lungwise.api.app import PREFIX as API
from lungwise.api.framework.operations import Operation
from lungwise.api.framework.paging import encode_cursor
from lungwise.api.resources.aggregates import aggregates
from lungwise.api.resources.films import films
from lungwise.api.resources.orders import orders
from lungwise.api.resources.patients import patients
from lungwise.api.resources.reports import reports
from lungwise.api.resources.studies import studies
from lungwise.api.resources.unsent import unsent
from lungwise.audit.service import AuditTrail
from lungwise.dicomweb.app import PREFIX as DICOMWEB
from lungwise.store import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable

    from werkzeug.test import TestResponse

    from conftest import Visitor
    from lungwise.access import Person
    from lungwise.web_app import Lungwise

SURROGATE = "\ud800"
ODD = (
    "x" * 300,
    "x" * 5000,
    "-1",
    "9" * 30,
    "9" * 4400,
    "a\x00b",
    SURROGATE,
    "0001-01-01",
    "9999-12-31",
    "😀" * 60,
    "a b c d e f g h i j k l m n o p q r s t u v w x y z 0 1 2 3 4 5 6 7 8 9",
)
AT_ONCE = ODD[2:9]
"""Those that one address holds together for each parameter."""
OF_ANY_LENGTH = ODD[3:7]
"""Those that even a database that takes texts of any length, and any day, may refuse."""
NESTED = "[" * 20_000 + "]" * 20_000
BODIES: tuple[Any, ...] = (*ODD, None, -1, 10**400, 1.5, ["a"], {"a": []})
PARAMETERS = (
    "back",
    "before",
    "after",
    "beside",
    "status",
    "film",
    "finding",
    "next",
    "week",
    "weeks",
    "person",
    "action",
    "subject_key",
    "since",
    "until",
    "words",
    "standing",
    "finding",
    "order",
    "unread",
    "state",
    "code",
    "iss",
    "error",
)
"""Query parameters of pages; the first test below holds that none is missing."""
FORM, JSON = "application/x-www-form-urlencoded", "application/json"
OPERATIONS = [
    operation for room in (studies, films, patients, reports, aggregates, unsent, orders) for operation, _ in room.items
]
DICOM_NAMES: tuple[str, ...] = (
    "PatientName",
    "PatientID",
    "StudyInstanceUID",
    "StudyDate",
    "StudyTime",
    "limit",
    "offset",
    "accept",
)
DICOM_NAMES += ("includefield", "fuzzymatching", "ModalitiesInStudy", "NumberOfStudyRelatedSeries", "unknown")


class Forms(HTMLParser):
    """The forms of a page: where each is sent, how, and its fields."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, str, dict[str, str]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        if tag == "form":
            self.found.append((given.get("action", ""), given.get("method", "get"), {}))
        elif tag in ("input", "select", "textarea", "button") and self.found and "name" in given:
            self.found[-1][2].setdefault(given["name"], given.get("value", ""))


@dataclass
class Trial:
    """An administrator who has a study and a token, and what was answered badly."""

    app: Lungwise
    visitor: Visitor
    token: str
    odd: tuple[str, ...]
    asked: int = 0
    broken: list[str] = field(default_factory=list)

    def ask(self, method: str, path: str, said: str, **more: Any) -> TestResponse:
        """Send a request and note where its answer is a fault."""
        answer = self.visitor.client.open(path, method=method, **more)
        self.asked += 1
        if answer.status_code >= 500:
            self.broken.append(f"{answer.status_code} {method} {path[:60]} {said[:60]!r}")
        return answer

    def ask_as_program(self, method: str, path: str, said: str, **more: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.token}", **more.pop("headers", {})}
        return self.ask(method, path, said, headers=headers, **more)

    @cached_property
    def keys(self) -> dict[str, str]:
        """The keys of what is there, by the first part of an address."""
        study = re.findall(r"/studies/([0-9a-f]{20})", self.visitor.get("/studies").text)[0]
        page = self.visitor.get(f"/studies/{study}").text
        patient, film = (re.findall(rf"/{noun}/([0-9a-f]{{20}})", page)[0] for noun in ("patients", "films"))
        ordered = self.visitor.post(f"/patients/{patient}/order", urgency="routine", modality="DX").location
        return {"studies": study, "patients": patient, "films": film, "orders": str(ordered).rpartition("/")[2]}

    def pages(self) -> list[str]:
        """Every page that is there, by its address."""
        rules = [rule for rule in self.app.url_map.iter_rules() if "GET" in (rule.methods or ())]
        own = [rule.rule for rule in rules if rule.endpoint != "static" and "<token>" not in rule.rule]
        return [re.sub(r"<[^>]+>", self.keys.get(rule.split("/")[1], "x"), rule) for rule in own]


@pytest.fixture
def trial(
    either_app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person], film: Callable[..., bytes]
) -> Trial:
    person = enrol(either_app, "Ada", role=Role.ADMINISTRATOR)
    visitor: Visitor = visit(either_app)
    visitor.sign_in("ada@example.org")
    visitor.upload(film(1), name="Béla", identifier="7")
    with either_app.database.writing() as session:
        token = Tokens(session, utc_now, AuditTrail(session, utc_now)).add(person, "odd", list(Scope), 30)[1]
    takes_any_length = either_app.database.engine.dialect.name == "sqlite"
    return Trial(either_app, visitor, token, OF_ANY_LENGTH if takes_any_length else ODD)


def as_sent(text: str) -> str:
    """Give a text as it can be sent at all: half of a letter by its own bytes."""
    return text.encode("utf-8", "surrogatepass").decode("latin-1") if SURROGATE in text else text


def as_header(text: str) -> str:
    plain = text.encode("utf-8", "surrogatepass").decode("latin-1")
    return "".join(letter for letter in plain if letter >= " ")


def token_in(page: str) -> str:
    return str(re.findall(r'name="csrf_token"[^>]*value="([^"]+)"', page)[0])


def test_every_query_parameter_of_a_page_is_in_the_list() -> None:
    sources = [path.read_text(encoding="utf-8") for path in Path(lungwise.__file__).parent.rglob("*.py")]
    named = {name for text in sources for name in re.findall(r"request\.args\.get\(\"(\w+)\"", text)}
    assert named
    assert named <= {*PARAMETERS, "accept"}  # the last is DICOMweb's, below


def test_no_query_parameter_breaks_a_page(trial: Trial) -> None:
    for page in trial.pages():
        trial.ask("GET", page, "all", query_string=[(name, as_sent(value)) for name in PARAMETERS for value in AT_ONCE])
    for value in trial.odd:
        for name in PARAMETERS:
            for page in ("/audit", "/audit.csv"):
                trial.ask("GET", page, f"{name}={value}", query_string={name: as_sent(value)})
    for name in PARAMETERS:
        trial.ask("GET", "/audit", f"{name} twice", query_string=[(name, "1"), (name, "2")])
    assert trial.ask("GET", "/audit", "ff", environ_overrides={"QUERY_STRING": "person=\xff"}).status_code == 400
    assert trial.ask("GET", "/audit?before=x", "x").status_code == 422
    assert not trial.broken


def test_no_field_breaks_a_form(trial: Trial) -> None:
    sent: set[tuple[str, str, frozenset[str]]] = set()  # what stands on every page is one form
    for page in trial.pages():
        answer = trial.visitor.get(page)
        found = Forms(answer.text).found if answer.mimetype == "text/html" else []
        for action, method, fields in found:
            target = unescape(action) or page
            form = (target, method, frozenset(fields))
            if target != "/sign-out" and "/delete" not in target and form not in sent:
                sent.add(form)
                send_odd(trial, target, method.upper(), fields)
    assert len(sent) > 60
    assert not trial.broken
    assert trial.visitor.get("/profile").status_code == 200


def send_odd(trial: Trial, target: str, method: str, fields: dict[str, str]) -> None:
    """Send a form with each of its fields odd, and with each of them twice."""
    token = fields.pop("csrf_token", "")
    for name in fields:
        for value in trial.odd:
            sent = {**fields, name: as_sent(value), "csrf_token": token}
            where = {"data": sent} if method == "POST" else {"query_string": sent}
            trial.ask(method, target, f"{name}={value}", **where)
        twice = urlencode([*fields.items(), (name, "1"), (name, "2"), ("csrf_token", token)])
        kind = FORM if method == "POST" else None
        trial.ask(method, f"{target}?{twice}" if not kind else target, f"{name} twice", data=twice, content_type=kind)


def test_no_value_breaks_the_doors(trial: Trial, visit: Callable[..., Visitor]) -> None:
    trial.visitor = visit(trial.app)
    token = token_in(trial.visitor.get("/sign-in").text)
    headers = {"X-CSRFToken": token}
    for door in ("/sign-in", "/password/forgotten", "/register", "/second-factor/code", "/second-factor/recovery"):
        for value in trial.odd:
            for name in ("email", "password", "name", "clinic", "code", "next"):
                said = {"csrf_token": token, "email": "ada@example.org", "password": "wrong", name: as_sent(value)}
                trial.ask("POST", door, f"{name}={value}", data=said)
        for body in BODIES:
            for said in ({"email": body, "password": body}, {"email": "a@b.org", "password": body}, body):
                trial.ask("POST", door, str(said), data=json.dumps(said), content_type=JSON, headers=headers)
        for text in (NESTED, "{", "\xff", "", '{"email": ' + NESTED + "}"):
            trial.ask("POST", door, text, data=text, content_type=JSON, headers=headers)
    assert not trial.broken


def test_no_header_breaks_a_page(trial: Trial, visit: Callable[..., Visitor]) -> None:
    for value in trial.odd:
        for name in ("Accept", "Accept-Language", "Content-Type", "User-Agent", "X-Request-ID", "If-None-Match"):
            trial.ask("GET", "/profile", f"{name}: {value}", headers={name: as_header(value)})
            trial.ask("POST", "/profile", f"{name}: {value}", headers={name: as_header(value)})
    assert not trial.broken


def test_pages_take_no_json(trial: Trial) -> None:
    headers = {"X-CSRFToken": token_in(trial.visitor.get("/profile").text)}
    for text in (NESTED, *map(json.dumps, BODIES[-6:])):
        for path in ("/studies", "/patients", "/studies/new"):
            answer = trial.ask("POST", path, text, data=text, content_type=JSON, headers=headers)
            assert answer.status_code == 415, path


def test_no_forwarded_address_breaks_the_trail(
    either_app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person]
) -> None:
    enrol(either_app, "Ada", role=Role.ADMINISTRATOR)
    for address in ("x" * 500, "\xff", "fe80::1%" + "x" * 200, "", "10.0.0.7"):
        visitor = visit(either_app, address)
        assert visitor.sign_in("ada@example.org").status_code == 302
    assert "10.0.0.7" in visitor.get("/audit").text


def test_no_address_breaks_its_page(trial: Trial) -> None:
    values = ("x" * 3000, "0" * 20, "9" * 64, "%00", "%ed%a0%80", "%2e%2e%2f", "😀")
    for prefix, part in (("", trial.app), (API, trial.app.api), (DICOMWEB, trial.app.dicomweb)):
        for rule in part.url_map.iter_rules():
            for value in values if "<" in rule.rule else ():
                path = re.sub(r"<[^>]+>", value.replace("\\", ""), prefix + rule.rule)
                for method in {"GET", "POST"} & (rule.methods or set()):
                    (trial.ask_as_program if prefix else trial.ask)(method, path, value)
    assert not trial.broken


def test_no_value_breaks_the_api(trial: Trial) -> None:
    keys = trial.keys
    for operation in OPERATIONS:
        path = API + operation.rule.replace("<key:key>", keys.get(operation.rule.split("/")[1], ""))
        ask_oddly(trial, operation, path)
        for value in trial.odd if operation.is_idempotent else ():
            odd = {name: as_header(value) for name in ("Idempotency-Key", "Accept-Language", "Content-Type")}
            trial.ask_as_program(operation.method, path, value, headers=odd)
            trial.ask("GET", path, value, headers={"Authorization": f"Bearer {as_header(value)}"})
        trial.ask_as_program(operation.method, path, "ff", environ_overrides={"QUERY_STRING": "wait=\xff"})
    assert not trial.broken


def ask_oddly(trial: Trial, operation: Operation, path: str) -> None:
    """Ask for an operation with each of its parts odd."""
    if operation.query:
        for name in (*operation.query.model_fields, "unknown"):
            for value in (*trial.odd, *cursors()):
                where = {"query_string": {name: as_sent(value)}}
                trial.ask_as_program(operation.method, path, f"{name}={value}", **where)
    for said in bodies(operation.body) if operation.body else ():
        trial.ask_as_program("POST", path, said, data=said, content_type=JSON)
    for table in tables() if operation.takes_table else ():
        trial.ask_as_program("POST", path, repr(table), data=table, content_type="text/csv")
    for name in (*operation.fields.model_fields, "unknown") if operation.fields else ():
        for value in trial.odd:
            film = FileStorage(io.BytesIO(b"x"), as_header(value[:100]))
            trial.ask_as_program("POST", path, f"{name}={value}", data={name: as_sent(value), "films": film})


def tables() -> Iterator[bytes]:
    for value in ODD:
        for table in (value, f"patient,test,result,date\n{value},PCR,{value},{value}\n"):
            yield as_sent(table).encode("utf-8", "replace")


def cursors() -> Iterator[str]:
    for name in ("studies", "patients", "orders"):
        for place in ("", "x", "9" * 30, "9" * 4400, "-1", "1_9999-12-31T23:59:59-23:00_1", f"0_0.5_{'9' * 30}"):
            yield encode_cursor(name, place)


def bodies(model: type[BaseModel]) -> Iterator[str]:
    """Bodies with one field odd, and some that are none at all."""
    for name in (*model.model_fields, "unknown"):
        yield from (json.dumps({name: value}) for value in (*BODIES, *cursors()))
        yield f'{{"{name}": {NESTED}}}'
    yield from (NESTED, "{", "", "null", "[]", '{"text": 1e999}', "\x00", '{"a":1,"a":2}')


def test_no_value_breaks_dicomweb(trial: Trial) -> None:
    values = (
        *trial.odd,
        "*a" * 8 + "*b",
        "*a" * 3000,
        "?" * 300,
        "-",
        "19000101-",
        "\\" * 200,
        ",".join(["1.2"] * 900),
    )
    for value in values:
        for name in DICOM_NAMES:
            where = {"query_string": {name: as_sent(value)}}
            trial.ask_as_program("GET", f"{DICOMWEB}/series", f"{name}={value}", **where)
        odd = {"Content-Type": as_header(value), "Accept": as_header(value)}
        trial.ask_as_program("GET", f"{DICOMWEB}/studies", value, headers=odd)
        boundary = as_header(value)[:70]
        kind = {"Content-Type": f'multipart/related; type="application/dicom"; boundary="{boundary}"'}
        for body in (b"", b"--x", b"\r\n" * 500, b"\xff" * 1000, f"--{boundary}\r\n\r\nx\r\n--{boundary}--".encode()):
            trial.ask_as_program("POST", f"{DICOMWEB}/studies", value, headers=kind, data=body)
    many = [("PatientName", "a")] * 300
    assert trial.ask_as_program("GET", f"{DICOMWEB}/studies", "many", query_string=many).status_code == 400
    assert not trial.broken
