"""The client against a live server."""

from __future__ import annotations

import json
import socket
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from live_server import LiveServer, live_server
from lungwise.api.order_schemas import OrderIn, OrderSearch
from lungwise.api.schemas import ClinicalDetailsIn, OpinionIn, PatientFields, ReferenceResultIn, StudySearch
from lungwise.client import ApiError, Client

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with live_server(tmp_path_factory.mktemp("live") / "data") as server:
        yield server


@pytest.fixture
def client(server: LiveServer) -> Client:
    return Client(server.address, server.token)


def test_from_an_upload_to_a_report(client: Client, film: Callable[..., bytes]) -> None:
    study = client.read([film(1, 8), film(2)], PatientFields(identifier="H-7", name="Béla Bartók"))
    assert study.standing == "positive"
    assert len(study.films) == 2
    one = client.film(study.films[0].key)
    assert one == study.films[0]
    assert one.reading is not None
    heat = client.heat_map(one.key)
    assert max(max(row) for row in heat.values) == pytest.approx(one.reading.probability, abs=0.01)
    assert client.original(one.key) == film(1, 8)
    kept = client.conclude(study.key, OpinionIn(agrees=True, conclusion="other", other="fibrosis"))
    said = {"test": "pcr", "result": "positive", "tested_on": "2026-03-01", "reason": "symptoms"}
    result = client.add_reference_result(study.key, ReferenceResultIn.model_validate(said))
    listed = client.reference_results()
    assert [row.error for row in client.add_reference_results(listed.encode(), keep="none").rows] == [
        "This study already has a result of this test on this day."
    ]
    details = client.describe(study.key, ClinicalDetailsIn(symptoms=["fever", "cough"], spo2=91))
    now = client.study(study.key)
    assert (now.opinions, now.reference_results, now.clinical_details) == ([kept], [result], details)
    assert (now.pcr, now.conclusion) == ("positive", "other")
    assert client.report(study.key).patient.name == "Béla Bartók"
    assert client.report_pdf(study.key).startswith(b"%PDF")
    assert json.loads(client.report_fhir(study.key))["resourceType"] == "Bundle"
    assert len(client.add_films(study.key, [film(3)]).films) == 3
    assert client.statistics().studies >= 1
    assert client.model().name == "inception_v3"


def test_films_are_ordered_found_and_cancelled(client: Client) -> None:
    asked = {"facts": {"identifier": "O-1"}, "accession": "CLIENT-1", "scheduled_at": "2026-03-04T10:00:00Z"}
    order = client.order_films(OrderIn.model_validate(asked))
    assert (order.accession, order.status, order.way) == ("CLIENT-1", "requested", "api")
    assert list(client.orders(OrderSearch(accession="CLIENT-1"))) == [order] == [client.order(order.key)]
    assert client.cancel_order(order.key).status == "cancelled"
    assert client.order(order.key) in client.orders()


def test_lists_are_walked_to_their_ends(client: Client, film: Callable[..., bytes]) -> None:
    small = PatientFields(name="Clara Schumann")
    one = film(60)
    keys = {client.upload([one + b"%d" % number], small).key for number in range(51)}  # a page and one more
    assert len(keys) == 51
    walked = [study.key for study in client.studies(StudySearch(text="schumann"))]
    assert len(walked) == 51
    assert set(walked) == keys
    people = list(client.patients("clara"))
    assert len(people) == 51
    assert client.patient(people[0].key).studies[0].key in keys


def test_a_no_is_one_line_and_its_status(client: Client, server: LiveServer) -> None:
    for action, status in (
        (lambda: client.study("0" * 20), 404),
        (lambda: client.upload([b"no film"]), 422),
        (lambda: Client(server.address, "lw_wrong").model(), 401),
    ):
        with pytest.raises(ApiError) as no:
            action()
        assert no.value.status == status
        assert "\n" not in str(no.value)


def test_what_is_no_server_is_said_in_one_line() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ApiError, match="cannot be reached"):
        Client(f"http://127.0.0.1:{port}", "lw_x", tries=2, sleep=lambda _seconds: None).model()
    with pytest.raises(ApiError, match="not the address"):
        Client("file:///etc/passwd", "lw_x")


class Faulty(BaseHTTPRequestHandler):
    """Takes a request, and fails before it answers as often as it is told."""

    failures: list[int]
    keys: list[str | None]
    upstream: LiveServer

    def do_POST(self) -> None:
        """Pass the request on, and lose the answer while failures are left."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.keys.append(self.headers["Idempotency-Key"])
        request = urllib.request.Request(self.upstream.address + self.path, body, dict(self.headers), method="POST")
        with urllib.request.urlopen(request) as answer:
            data = answer.read()
        failure = self.failures.pop(0) if self.failures else 0
        if failure == 1:  # the connection breaks
            self.close_connection = True
            return
        self.send_response(failure or 201)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def test_an_answer_that_was_lost_is_asked_for_again_and_nothing_is_done_twice(
    server: LiveServer, client: Client, film: Callable[..., bytes]
) -> None:
    class Handler(Faulty):
        failures, keys, upstream = [1, 503, 429], [], server

    proxy = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=proxy.serve_forever, daemon=True)
    thread.start()
    pauses: list[float] = []
    faulty = Client(f"http://127.0.0.1:{proxy.server_port}", server.token, sleep=pauses.append)
    study = faulty.upload([film(200)], PatientFields(name="Lost Answer"))
    proxy.shutdown()
    thread.join()
    proxy.server_close()
    assert len(pauses) == 3
    assert pauses == sorted(pauses)
    assert len(Handler.keys) == 4
    assert len(set(Handler.keys)) == 1
    assert [one.key for one in client.studies(StudySearch(text="lost answer"))] == [study.key]
