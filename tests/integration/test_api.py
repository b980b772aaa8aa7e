"""The REST API over the whole application: who may do what, and what is done once."""

from __future__ import annotations

import io
import json
import threading
import zipfile
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from lungwise.access import PEOPLE, Role
from lungwise.accounts.tokens import Scope, Tokens
from lungwise.audit.models import AuditEntry
from lungwise.audit.service import AuditTrail
from lungwise.web_app import create_app
from moving_clinics import close

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Clock, Visitor
    from lungwise.access import Person
    from lungwise.settings import Settings
    from lungwise.web_app import Lungwise

ROOT = "/api/v1"
KEY = "{key}"


class Program:
    """A program with a token."""

    def __init__(self, app: Lungwise, token: str) -> None:
        self.client = app.test_client(use_cookies=False)
        self.headers = {"Authorization": f"Bearer {token}"}

    def ask(self, method: str, path: str, headers: dict[str, str] | None = None, **more: Any) -> TestResponse:
        """Send a request."""
        return self.client.open(ROOT + path, method=method, headers=self.headers | (headers or {}), **more)

    def get(self, path: str) -> TestResponse:
        """Ask for something."""
        return self.ask("GET", path)

    def upload(
        self, *films: bytes, key: str | None = None, path: str = "/studies?wait=30", **fields: str
    ) -> TestResponse:
        """Upload films as a form."""
        parts: dict[str, Any] = {"films": [(io.BytesIO(film), "film") for film in films], **fields}
        return self.ask("POST", path, {"Idempotency-Key": key} if key else {}, data=parts)


@pytest.fixture
def program(clock: Clock) -> Callable[..., Program]:
    """Give what makes a person's program."""

    def program(app: Lungwise, person: Person, scopes: Iterable[Scope] = tuple(Scope), days: int = 30) -> Program:
        with app.database.writing() as session:
            tokens = Tokens(session, clock, AuditTrail(session, clock))
            return Program(app, tokens.add(person, "script", scopes, days)[1])

    return program


@pytest.fixture
def ada(app: Lungwise, enrol: Callable[..., Person], program: Callable[..., Program]) -> Program:
    return program(app, enrol(app, "Ada"))


def test_from_an_upload_to_an_opinion(
    either_app: Lungwise, enrol: Callable[..., Person], program: Callable[..., Program], film: Callable[..., bytes]
) -> None:
    ada = program(either_app, enrol(either_app, "Ada"))
    answer = ada.upload(film(1, 8), film(2), identifier="H-7", name="Béla Bartók", birth_date="1981-03-25")
    assert answer.status_code == 201, answer.text
    study = answer.get_json()
    assert study["standing"] == "positive"
    assert [one["kind"] for one in study["films"]] == ["JPEG", "JPEG"]
    key, first = study["key"], study["films"][0]["key"]
    again = ada.upload(film(3), path=f"/studies/{key}/films?wait=30").get_json()
    assert len(again["films"]) == 3
    said = ada.ask("POST", f"/studies/{key}/opinions", json={"agrees": False, "conclusion": "normal", "note": "a scar"})
    assert said.status_code == 201
    assert ada.get(f"/studies/{key}/opinions").get_json() == {"items": [said.get_json()]}
    found = ada.ask("POST", "/studies/search", json={"text": "bartók"}).get_json()
    assert [one["key"] for one in found["items"]] == [key]
    assert ada.get("/studies?standing=negative").get_json()["items"] == []
    patient = ada.ask("POST", "/patients/search", json={"text": "h-7"}).get_json()["items"][0]
    assert patient["birth_date"] == "1981-03-25"
    assert ada.get(f"/patients/{patient['key']}").get_json()["studies"][0]["key"] == key
    assert ada.get(f"/films/{first}/heat").get_json()["side"] == 17
    assert ada.get(f"/films/{first}/heat.png").data.startswith(b"\x89PNG")
    assert ada.get(f"/films/{first}/original").data == film(1, 8)
    assert ada.get(f"/studies/{key}/report").get_json()["clinic"] == "Hill"
    assert ada.get(f"/studies/{key}/report.pdf").data.startswith(b"%PDF")
    assert ada.get(f"/studies/{key}/report.fhir").get_json()["resourceType"] == "Bundle"
    assert ada.get("/statistics").get_json()["studies"] == 1


def test_a_film_or_a_zip_may_be_the_whole_body(ada: Program, film: Callable[..., bytes]) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("1.jpg", film(3))
        archive.writestr("2.jpg", film(2))
    for body, kind, films in ((film(1), "image/jpeg", 1), (packed.getvalue(), "application/zip", 2)):
        answer = ada.ask("POST", "/studies", data=body, content_type=kind)
        assert len(answer.get_json()["films"]) == films


def test_a_report_speaks_the_language_that_is_asked_for(ada: Program, film: Callable[..., bytes]) -> None:
    key = ada.upload(film(1, 8)).get_json()["key"]
    for language, verdict in (
        ("es", "Parece neumonía por COVID-19."),
        ("fr", "Ressemble à une pneumonie à COVID-19."),
        ("ja", "Looks like COVID-19 pneumonia."),
    ):
        report = ada.ask("GET", f"/studies/{key}/report", {"Accept-Language": language}).get_json()
        assert report["verdict"] == verdict


def test_what_a_program_sees_stays_unread_for_doctors_and_is_audited(
    app: Lungwise, ada: Program, clock: Clock, film: Callable[..., bytes]
) -> None:
    key = ada.upload(film(1)).get_json()["key"]
    assert ada.get(f"/studies/{key}").get_json()["unread"]
    with app.database.reading() as session:
        trail = AuditTrail(session, clock)
        assert trail.verify() is None
        actions = [entry.action for entry in _entries(app)]
    assert actions.count("used token") == 1
    assert actions[-1] == "saw"


def _entries(app: Lungwise) -> list[AuditEntry]:
    with app.database.reading() as session:
        return list(session.scalars(select(AuditEntry).order_by(AuditEntry.id)))


def test_the_same_key_does_the_same_thing_once(
    either_app: Lungwise, enrol: Callable[..., Person], program: Callable[..., Program], film: Callable[..., bytes]
) -> None:
    ada = program(either_app, enrol(either_app, "Ada"))
    first, again = (ada.upload(film(1), key="one", name="Béla").get_json() for _ in range(2))
    assert again == first
    assert len(ada.get("/studies").get_json()["items"]) == 1
    for other in (ada.upload(film(2), key="one", name="Béla"), ada.upload(film(1), key="one", name="Clara")):
        assert other.status_code == 409
        assert other.content_type == "application/problem+json"
    path = f"/studies/{first['key']}/opinions"
    for _ in range(2):
        ada.ask("POST", path, {"Idempotency-Key": "two"}, json={"agrees": True})
    assert len(ada.get(path).get_json()["items"]) == 1
    assert ada.ask("POST", path, {"Idempotency-Key": "two"}, json={"agrees": False}).status_code == 409


def test_two_requests_at_once_with_one_key_make_one_study(
    either_app: Lungwise, enrol: Callable[..., Person], program: Callable[..., Program], film: Callable[..., bytes]
) -> None:
    person = enrol(either_app, "Ada")
    programs = [program(either_app, person)] * 4
    answers: list[TestResponse] = []
    threads = [
        threading.Thread(target=lambda one=one: answers.append(one.upload(film(1), key="one"))) for one in programs
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.get_json()["key"] for answer in answers}) == 1
    assert len(programs[0].get("/studies").get_json()["items"]) == 1


def operations(app: Lungwise) -> list[tuple[str, str, str]]:
    """List each operation's method, path and scope, but those that delete: they have a test of their own."""
    return [one for one in every_operation(app) if one[0] != "DELETE"]


def every_operation(app: Lungwise) -> list[tuple[str, str, str]]:
    paths = app.test_client().get(f"{ROOT}/openapi.json").get_json()["paths"]
    return [
        (method.upper(), path, one["x-scope"]) for path, methods in paths.items() for method, one in methods.items()
    ]


BODIES: dict[str, Any] = {
    "/opinions": {"note": "seen"},
    "/reference-results": {"test": "xpert", "result": "negative", "tested_on": "2026-03-01"},
    "/clinical-details": {"spo2": 95},
    "/search": {"text": "b"},
    "/orders": {"facts": {"identifier": "7"}},
    "/cancel": {},
}
ORDER: dict[str, Any] = {
    "resourceType": "ServiceRequest",
    "identifier": [{"system": "https://records.example.org/orders", "value": "O-1"}],
    "status": "active",
    "intent": "order",
    "subject": {"reference": "#p"},
    "contained": [{"resourceType": "Patient", "id": "p", "identifier": [{"value": "FHIR-7"}]}],
}
FHIR: dict[str, Any] = {
    "/fhir": {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [{"resource": ORDER, "request": {"method": "POST", "url": "ServiceRequest"}}],
    },
    "/fhir/ServiceRequest": ORDER,
}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """With what the operation for DHIS2 needs."""
    return settings.model_copy(update={"dhis2_data_elements": "films=aBcDeFgHiJ1", "dhis2_org_units": "aBcDeFgHiJ2"})


NOT_UPLOADERS = {
    *("/patients/search", f"/patients/{KEY}", f"/patients/{KEY}/export"),
    *("/statistics", "/reference-results", "/reference-results.csv"),
    *("/aggregates", "/aggregates.csv", "/aggregates.dhis2", "/unsent"),
    *(*FHIR, f"/fhir/ServiceRequest/{KEY}"),
    *("/orders", "/orders/search", f"/orders/{KEY}", f"/orders/{KEY}/cancel"),
    *(f"/studies/{KEY}{end}" for end in ("/report", "/report.pdf", "/report.fhir", "/reference-results")),
    f"/films/{KEY}/original",
}
"""Operations that are not for those who only upload; nor is giving an opinion, though they see others'."""


def is_not_for_uploaders(method: str, path: str) -> bool:
    return path in NOT_UPLOADERS or (method == "POST" and path.endswith("/opinions"))


def ask(program: Program, method: str, path: str, film: bytes) -> TestResponse:
    """Ask for an operation with a body that is good."""
    if (method, path) == ("POST", "/reference-results"):
        return program.ask("POST", path, data=b"study,test,result,date\n", content_type="text/csv")
    if method == "POST" and path in FHIR:
        kind = "application/fhir+json"
        return program.ask("POST", path, {"Content-Type": kind}, data=json.dumps(FHIR[path]))
    body = next((body for end, body in BODIES.items() if path.endswith(end)), None)
    if method == "GET":
        return program.get(path)
    return program.ask("POST", path, json=body) if body is not None else program.upload(film, path=path)


def fill(path: str, study: dict[str, Any]) -> str:
    noun = path.split("/")[1]
    keys = {"studies": study["key"], "films": study["films"][0]["key"], "patients": study["patient"]}
    return path.replace(KEY, keys.get(noun, study.get("order", "")))


def with_order(program: Program, study: dict[str, Any]) -> dict[str, Any]:
    """Place an order beside a study, for the operations that are about orders."""
    return study | {"order": ask(program, "POST", "/fhir/ServiceRequest", b"").get_json()["id"]}


def test_nothing_of_a_clinic_is_there_for_another(
    app: Lungwise,
    ada: Program,
    enrol: Callable[..., Person],
    program: Callable[..., Program],
    film: Callable[..., bytes],
) -> None:
    study = with_order(ada, ada.upload(film(1, 8), name="Béla Bartók", identifier="SECRET-7").get_json())
    assert all(ask(ada, method, fill(path, study), film(5)).status_code < 300 for method, path, _ in operations(app))
    for role in PEOPLE:
        stranger = program(app, enrol(app, role.value, "Valley", role))
        for method, path, _ in operations(app):
            answer = ask(stranger, method, fill(path, study), film(5 + PEOPLE.index(role)))
            if role is Role.HEALTH_WORKER and is_not_for_uploaders(method, path):
                assert answer.status_code == 403, path
                continue
            assert answer.status_code == 404 if KEY in path else answer.status_code < 300, path
            assert "Béla" not in answer.text
            assert study["key"] not in answer.text


def test_the_program_of_who_only_uploads_sees_their_own_studies_alone(
    either_app: Lungwise, enrol: Callable[..., Person], program: Callable[..., Program], film: Callable[..., bytes]
) -> None:
    ada = program(either_app, enrol(either_app, "Ada"))
    hana = program(either_app, enrol(either_app, "Hana", role=Role.HEALTH_WORKER))
    others = with_order(ada, ada.upload(film(1, 8), name="Béla Bartók", identifier="SECRET-7").get_json())
    assert hana.get("/studies").get_json()["items"] == []
    own = hana.upload(film(2, 8), identifier="9").get_json() | {"order": others["order"]}
    assert [one["key"] for one in hana.get("/studies").get_json()["items"]] == [own["key"]]
    for study, is_own in ((others, False), (own, True)):
        for method, path, _scope in operations(either_app):
            answer = ask(hana, method, fill(path, study), film(3 + is_own))
            if is_not_for_uploaders(method, path):
                assert answer.status_code == 403, path
            elif KEY in path and not is_own:
                assert answer.status_code == 404, path
            else:
                assert answer.status_code < 300, f"{path}: {answer.text}"
            assert "Béla".encode() not in answer.data
    again = hana.upload(film(1, 8))
    assert again.status_code == 422, again.text
    assert others["key"] not in again.text


def test_a_clinic_that_moves_takes_nothing_and_says_why(
    either_app: Lungwise, enrol: Callable[..., Person], program: Callable[..., Program], film: Callable[..., bytes]
) -> None:
    ada = program(either_app, enrol(either_app, "Ada", role=Role.ADMINISTRATOR))
    ordered = ask(ada, "POST", "/orders", b"").get_json()
    study = ada.upload(film(1, 8), identifier="7").get_json() | {"order": ordered["key"]}
    close(either_app.database)
    writing = [path for method, path, scope in operations(either_app) if scope in (Scope.UPLOAD, Scope.CONCLUDE)]
    assert len(writing) >= 6
    table = f"study,test,result,date\n{study['key']},xpert,negative,2026-03-01\n"
    for path in writing:
        if path == "/reference-results":
            answer = ada.ask("POST", path, data=table, content_type="text/csv")
        else:
            answer = ask(ada, "POST", fill(path, study), film(2))
        assert answer.status_code == 403, f"{path}: {answer.text}"
        assert "moving to another installation" in answer.text
    assert [one["key"] for one in ada.get("/studies").get_json()["items"]] == [study["key"]]
    for _method, path, _scope in (one for one in every_operation(either_app) if one[0] == "DELETE"):
        assert ada.ask("DELETE", fill(path, study)).status_code == 403


def test_only_an_administrators_program_that_may_deletes(
    either_app: Lungwise, enrol: Callable[..., Person], program: Callable[..., Program], film: Callable[..., bytes]
) -> None:
    app = either_app
    ada = program(app, enrol(app, "Ada", role=Role.ADMINISTRATOR))
    others = {
        404: program(app, enrol(app, "Eve", "Valley", Role.ADMINISTRATOR)),
        403: program(app, enrol(app, "Bob")),  # a doctor, with the scope
    }
    narrow = program(app, enrol(app, "Cara", role=Role.ADMINISTRATOR), [one for one in Scope if one != Scope.DELETE])
    first = ada.upload(film(1, 8), identifier="7").get_json()
    ada.upload(film(2), identifier="7")
    deletions = [(path, fill(path, first)) for method, path, _scope in every_operation(app) if method == "DELETE"]
    assert [path for path, _filled in deletions] == [f"/studies/{KEY}", f"/patients/{KEY}"]
    for _path, filled in deletions:
        refused = narrow.ask("DELETE", filled)
        assert (refused.status_code, "scope `delete`" in refused.get_json()["title"]) == (403, True)
        assert "owner is a doctor" in others[403].ask("DELETE", filled).get_json()["title"]
        for status, other in others.items():
            assert other.ask("DELETE", filled).status_code == status
    assert ada.ask("DELETE", f"/studies/{first['key']}").get_json() == {"studies": 1}
    assert ada.get(f"/studies/{first['key']}").status_code == 404
    assert ada.ask("DELETE", f"/patients/{first['patient']}").get_json() == {"studies": 1}
    assert ada.get(f"/patients/{first['patient']}").status_code == 404
    assert ada.ask("DELETE", f"/patients/{first['patient']}").status_code == 404


@pytest.mark.parametrize("scope", list(Scope))
def test_a_token_does_what_its_scopes_say_and_no_more(
    scope: Scope,
    app: Lungwise,
    ada: Program,
    enrol: Callable[..., Person],
    program: Callable[..., Program],
    film: Callable[..., bytes],
) -> None:
    study = with_order(ada, ada.upload(film(1, 8)).get_json())
    narrow = program(app, enrol(app, "Bob"), [scope])
    for method, path, needed in operations(app):
        answer = ask(narrow, method, fill(path, study), film(6))
        expected = needed in (Scope.SEE, scope)
        assert (answer.status_code < 300) is expected, f"{method} {path}: {answer.status_code}"
        assert expected or answer.status_code == 403


def test_nobody_gets_in_without_a_token_that_is_valid(
    app: Lungwise,
    enrol: Callable[..., Person],
    program: Callable[..., Program],
    clock: Clock,
    visit: Callable[..., Visitor],
) -> None:
    person = enrol(app, "Ada")
    short = program(app, person, days=1)
    assert short.get("/model").status_code == 200
    clock.forward(days=1)
    signed_in = visit(app)
    signed_in.sign_in("ada@example.org")
    headers: list[dict[str, str]] = [
        {},
        {"Authorization": "Bearer lw_x"},
        {"Authorization": "Basic YTpi"},
        short.headers,
    ]
    for one in headers:
        for path in ("/model", "/studies", "/nothing"):
            answer = signed_in.client.get(ROOT + path, headers=one)  # its cookie counts for nothing here
            assert answer.status_code == 401
            assert answer.headers["WWW-Authenticate"] == "Bearer"
            assert "Set-Cookie" not in answer.headers


def test_every_no_is_a_problem(ada: Program, film: Callable[..., bytes]) -> None:
    for status, answer in (
        (400, ada.ask("POST", "/studies", {"Idempotency-Key": "é"}, data=film(1), content_type="image/jpeg")),
        (404, ada.get("/nothing")),
        (404, ada.get("/studies/x")),
        (405, ada.ask("DELETE", "/studies")),
        (415, ada.ask("POST", "/studies", data=b"x", content_type="text/plain")),
        (415, ada.ask("POST", "/studies/search", data=b"{}", content_type="text/plain")),
        (422, ada.ask("POST", "/studies/search", data=b"{", content_type="application/json")),
        (422, ada.ask("POST", "/patients/search", json={"text": "a", "more": 1})),
        (422, ada.upload(b"no film")),
        (422, ada.ask("POST", "/studies", data={"name": "x"}, content_type="multipart/form-data")),
        (422, ada.get("/studies?cursor=x")),
        (422, ada.get("/studies?order=newest&order=probable")),
    ):
        assert answer.status_code == status, answer.text
        assert answer.content_type == "application/problem+json"
        assert answer.headers["Content-Disposition"] == 'attachment; filename="api.json"'
        assert answer.headers["Cache-Control"] == "no-store"
        problem = json.loads(answer.data)
        assert problem["status"] == status
        assert problem["title"].endswith(".")


def test_an_upload_too_large_is_a_problem(
    settings: Settings,
    clock: Clock,
    migrate: Callable[[Settings], None],
    enrol: Callable[..., Person],
    program: Callable[..., Program],
    synthetic_reader: Any,
) -> None:
    migrate(settings)
    app = create_app(settings.model_copy(update={"upload_megabytes": 1, "api_rate": 3}), synthetic_reader, clock)
    ada = program(app, enrol(app, "Ada"))
    form = b'--x\r\nContent-Disposition: form-data; name="films"; filename="1"\r\n\r\n%b\r\n--x--\r\n' % (
        b"x" * (2 << 20)
    )
    for body, kind in ((form, "multipart/form-data; boundary=x"), (b"x" * (2 << 20), "image/png")):
        answer = ada.ask("POST", "/studies", data=body, content_type=kind)
        assert answer.status_code == 413
        assert answer.content_type == "application/problem+json"
    assert ada.get("/model").headers["RateLimit"] == '"token";r=0;t=60'
    spent = ada.get("/model")
    assert spent.status_code == 429
    assert spent.headers["Retry-After"] == "60"
    assert program(app, enrol(app, "Bob")).get("/model").status_code == 200
    clock.forward(seconds=60)
    assert ada.get("/model").status_code == 200
    app.database.close()


def test_a_database_that_is_away_is_a_problem(app: Lungwise, ada: Program, film: Callable[..., bytes]) -> None:
    with app.database.engine.connect() as connection:
        connection.exec_driver_sql("ALTER TABLE tokens RENAME TO gone")
        connection.commit()
    for answer in (ada.get("/studies"), ada.upload(film(1))):
        assert answer.status_code == 503
        assert answer.content_type == "application/problem+json"


def test_the_page_shows_every_operation_and_loads_nothing_foreign(app: Lungwise) -> None:
    page = app.test_client().get(f"{ROOT}/")
    assert page.status_code == 200
    assert "<script" not in page.text
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    assert "//" not in page.text.replace("http://localhost", "")
    for method, path, _ in operations(app):
        assert f"<code>{method} {path}</code>" in page.text
    for asset in ("/static/style.css", "/static/icon.svg"):
        assert asset in page.text
        assert app.test_client().get(asset, buffered=True).status_code == 200


def test_nothing_of_a_patient_is_in_the_log(
    ada: Program, film: Callable[..., bytes], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    key = ada.upload(film(1), name="Bartók", identifier="SECRET-7").get_json()["key"]
    ada.ask("POST", "/patients/search", json={"text": "Bartók"})
    ada.get(f"/studies/{key}")
    assert "GET /api/v1/studies/<key:key> 200" in caplog.text
    for secret in ("SECRET-7", "Bart", key, "lw_"):
        assert secret not in caplog.text
