from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest
from fhir.resources.R4B.bundle import Bundle
from pydantic import SecretStr

from dicom_files import dicom_file
from lungwise.cli.bootstrap import make_report_sender
from lungwise.orders.order import OrderRequest, OrderWay
from lungwise.outgoing.fhir_server import FhirServer
from lungwise.patients.service import PatientFacts
from lungwise.reports.outgoing import NotSentError, RefusedError
from lungwise.settings import Settings
from lungwise.store import Database, utc_now
from lungwise.studies.diagnosis import Diagnosis
from lungwise.studies.dispatch_models import Dispatch
from lungwise.studies.service import Conclusion
from lungwise.wiring import Wiring
from report_receiver import Receiver, answering, receiver
from synthetic_films import chest_bytes

if TYPE_CHECKING:
    from conftest import Services

DONE = b'{"resourceType": "Bundle", "type": "transaction-response"}'


@pytest.fixture
def there() -> Iterator[Receiver]:
    with receiver() as found:
        found.answer = answering(200, DONE)
        yield found


def outcome(code: str, *expression: str) -> bytes:
    issue = {"severity": "error", "code": code, "diagnostics": "Asha Rao is not known", "expression": expression}
    return json.dumps({"resourceType": "OperationOutcome", "issue": [issue]}).encode()


def set_up(there: Receiver, settings: Settings, **more: Any) -> Settings:
    return settings.model_copy(update={"fhir_url": there.url, **more})


def test_each_version_is_a_transaction_that_replaces_what_is_ours_and_leaves_what_is_theirs(
    services: Services, there: Receiver, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text("abc.def\n")
    own = {"fhir_patient_system": "https://records.example.org/mrn", "fhir_token_file": token}
    services.worker._settings = settings = set_up(there, services.settings, **own)
    person = services.person()
    film = dicom_file(chest_bytes(), StudyInstanceUID="1.2.3", SeriesInstanceUID="1.2.3.4", AccessionNumber="A|7")
    study = services.studies.open(person, PatientFacts(identifier="7,8", name="Asha Rao"), [("film", film)])
    key, film_key = study.key, study.films[0].key
    services.read_all()
    services.session.commit()
    database = Database(settings)
    sender = make_report_sender(database, settings)
    assert sender is not None
    for concludes in (False, True):
        with database.writing() as session:
            if concludes:
                studies = Wiring(settings, services.store).over(session).studies
                studies.conclude(person, key, Conclusion(conclusion=Diagnosis.TUBERCULOSIS))
            session.query(Dispatch).update({"due_at": utc_now()})
        assert list(sender.work_all()) == [""]
    database.close()
    for got in there.got:
        Bundle.model_validate_json(got.body)
    assert [got.headers["X-Request-Id"] for got in there.got] == [f"{key}-1", f"{key}-2"]
    assert {got.headers["Authorization"] for got in there.got} == {"Bearer abc.def"}
    assert there.got[0].headers["Content-Type"] == "application/fhir+json"
    first, second = (json.loads(got.body)["entry"] for got in there.got)
    assert [entry["fullUrl"] for entry in first] == [entry["fullUrl"] for entry in second]
    asked = {entry["resource"]["resourceType"]: entry["request"] for entry in second}
    assert asked == {
        "Patient": {
            "method": "POST",
            "url": "Patient",
            "ifNoneExist": "identifier=https://records.example.org/mrn|7%5C%2C8",
        },
        "DiagnosticReport": {"method": "PUT", "url": f"DiagnosticReport?identifier=urn:lungwise:study|{key}"},
        "ImagingStudy": {
            "method": "POST",
            "url": "ImagingStudy",
            "ifNoneExist": "identifier=urn:dicom:uid|urn%3Aoid%3A1.2.3",
        },
        "Device": asked["Device"],
        "Observation": {"method": "PUT", "url": f"Observation?identifier=urn:lungwise:film|{film_key}"},
    }
    assert asked["Device"]["ifNoneExist"].startswith("identifier=urn:dicom:uid|urn%3Aoid%3A2.25.")
    said = [entry["resource"]["status"] for entry in (*first, *second) if "Report" in entry["request"]["url"]]
    assert said == ["preliminary", "final"]


def test_a_report_is_not_sent_under_a_number_that_may_be_another_persons(services: Services, there: Receiver) -> None:
    services.worker._settings = settings = set_up(there, services.settings)
    ada, doctor = PatientFacts(identifier="7", name="Asha Rao"), services.person()
    asha = services.patients.match_or_add(doctor, ada).patient.key
    scan = dicom_file(chest_bytes(), PatientID="7", PatientName="Two^Bob")
    study = services.studies.open(doctor, PatientFacts(), [("film", scan)])
    bob = services.studies.patient(doctor, study).key
    services.read_all()
    database = Database(settings)
    sender = make_report_sender(database, settings)
    assert sender is not None
    assert list(sender.work_all()) == ["the patient's identity is unclear: say who it is"]
    with database.writing() as session:
        Wiring(settings, services.store).over(session).patient_studies.separate(doctor, bob)
        session.query(Dispatch).update({"due_at": utc_now()})
    assert list(sender.work_all()) == ["another person has the patient's number: correct the one that is wrong"]
    assert there.got == []
    with database.writing() as session:
        Wiring(settings, services.store).over(session).patients.change(doctor, asha, replace(ada, identifier="8"))
        session.query(Dispatch).update({"due_at": utc_now()})
    assert list(sender.work_all()) == [""]
    database.close()
    (got,) = there.got
    assert b"Two Bob" in got.body and b"identity-unclear" not in got.body


@pytest.mark.parametrize(
    ("issuer", "system"),
    [("VALLEY", "urn:lungwise:patient:VALLEY"), ("Hill", "https://records.example.org/mrn")],
)
def test_the_servers_system_is_for_the_hospitals_own_numbers_alone(
    issuer: str, system: str, services: Services, there: Receiver
) -> None:
    own = {"fhir_patient_system": "https://records.example.org/mrn", "own_issuers": "HILL"}
    services.worker._settings = settings = set_up(there, services.settings, **own)
    facts = PatientFacts(identifier="7", issuer=issuer, name="Asha Rao")
    services.studies.open(services.person(), facts, [("film", dicom_file(chest_bytes()))])
    services.read_all()
    database = Database(settings)
    sender = make_report_sender(database, settings)
    assert sender is not None
    assert list(sender.work_all()) == [""]
    database.close()
    patient = json.loads(there.got[0].body)["entry"][0]
    assert patient["resource"]["identifier"][0]["system"] == system
    assert patient["request"]["ifNoneExist"] == f"identifier={system}|7"


def test_a_report_of_a_film_that_names_another_patients_order_is_not_sent(services: Services, there: Receiver) -> None:
    services.worker._settings = settings = set_up(there, services.settings)
    ada = services.person()
    orders = Wiring(settings, services.store).over(services.session).orders
    orders.place(ada, PatientFacts(identifier="7", name="Asha Rao"), OrderRequest(accession="A55"), OrderWay.HL7)
    scan = dicom_file(chest_bytes(), PatientID="8", PatientName="Two^Bob", AccessionNumber="A55")
    services.studies.open(ada, PatientFacts(), [("film", scan)])
    services.read_all()
    database = Database(settings)
    sender = make_report_sender(database, settings)
    assert sender is not None
    assert list(sender.work_all()) == ["a film names an order of another patient: say whose it is"]
    database.close()
    assert there.got == []


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        (
            answering(422, outcome("required", "Bundle.entry[1].resource.subject")),
            RefusedError,
            "it answers 422: an element is missing (Bundle.entry[1].resource.subject)",
        ),
        (answering(412, outcome("x'y", "where(a='Asha Rao')")), RefusedError, "it answers 412"),
        (answering(403, outcome("forbidden")), NotSentError, "it answers 403: its token may not write this"),
        (answering(500, b"[" * 100_000), NotSentError, "it answers 500"),
        (answering(200, b"<html>Sign in</html>", "text/html"), NotSentError, "it answers, but not as a FHIR server"),
        (answering(200, b"x" * (2 << 20)), NotSentError, "its answer is too long"),
        (answering(302, Location="http://127.0.0.1/"), NotSentError, "it answers 302, a redirect, which is not"),
        (answering(400, b'{"issue": [7]}'), RefusedError, "it answers 400"),
    ],
)
def test_what_is_not_done_is_said_in_our_own_words(
    answer: Callable[[BaseHTTPRequestHandler], None],
    error: type[Exception],
    said: str,
    there: Receiver,
    settings: Settings,
) -> None:
    there.answer = answer
    with pytest.raises(error) as raised:
        FhirServer(set_up(there, settings)).send(b"{}", "key-1")
    assert str(raised.value).startswith(said)
    assert "Asha" not in str(raised.value)


def test_a_token_is_asked_for_once_and_again_when_it_is_not_accepted(there: Receiver, settings: Settings) -> None:
    given = iter(["first", "second"])

    def answer(request: BaseHTTPRequestHandler) -> None:
        if request.path == "/token":
            said = json.dumps({"access_token": next(given), "expires_in": 300, "token_type": "Bearer"}).encode()
            return answering(200, said, "application/json")(request)
        known = request.headers["Authorization"] == "Bearer second" or len(there.got) < 4
        return answering(200 if known else 401, DONE)(request)

    there.answer = answer
    client = {"fhir_client_id": "lung:wise", "fhir_client_secret": SecretStr("s3"), "fhir_scope": "system/*.write"}
    url = there.url.replace("/reports?to=us", "/token")
    server = FhirServer(set_up(there, settings, fhir_token_url=url, **client))
    server.send(b"{}", "key-1")
    server.send(b"{}", "key-2")
    with pytest.raises(NotSentError, match="it answers 401"):
        server.send(b"{}", "key-3")
    server.send(b"{}", "key-3")
    asked = [got for got in there.got if got.path == "/token"]
    assert len(asked) == 2
    assert base64.b64decode(asked[0].headers["Authorization"].removeprefix("Basic ")) == b"lung%3Awise:s3"
    assert parse_qs(asked[0].body.decode()) == {"grant_type": ["client_credentials"], "scope": ["system/*.write"]}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (answering(400, b'{"error": "invalid_client"}'), "the authorization server gives no token (it answers 400)"),
        (answering(200, b'{"access_token": "a b\\r\\nX: y"}'), "the authorization server gives no token"),
        (answering(200, b"[]"), "the authorization server gives no token"),
    ],
)
def test_without_a_token_nothing_is_sent(
    answer: Callable[[BaseHTTPRequestHandler], None], said: str, there: Receiver, settings: Settings, tmp_path: Path
) -> None:
    there.answer = answer
    with pytest.raises(NotSentError) as raised:
        FhirServer(set_up(there, settings, fhir_token_url=there.url)).send(b"{}", "key-1")
    assert str(raised.value).startswith(said) and raised.value.away
    for text, why in (None, "the file of its token cannot be read"), ("a b", "the file of its token holds none"):
        file = tmp_path / "token"
        if text is not None:
            file.write_text(text)
        with pytest.raises(NotSentError, match=why):
            FhirServer(set_up(there, settings, fhir_token_file=file)).send(b"{}", "key-1")
    assert len(there.got) == 1
