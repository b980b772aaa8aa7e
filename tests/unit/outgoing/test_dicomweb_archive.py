"""What an archive may answer by DICOMweb, rightly or wrongly; tests/integration/test_priors.py asks Orthanc."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from dicom_files import dicom_file
from dicom_peers import make_certificate
from lungwise.access import Person, Role
from lungwise.dicom.prior_fetcher import WantedPriors
from lungwise.dicom.queries import PeerError
from lungwise.dicomweb.multipart import message
from lungwise.films.dicom.transfer_syntax import LITTLE_ENDIAN
from lungwise.jobs.prior_fetches import PriorFetches
from lungwise.outgoing import dicomweb_archive
from lungwise.outgoing.dicomweb_archive import DicomwebArchive
from lungwise.patients.service import PatientFacts
from lungwise.receiving.priors import PriorLimits, PriorReceiver
from lungwise.store import Database
from lungwise.studies.prior_models import PriorFilm
from lungwise.wiring import Wiring
from report_receiver import Receiver, answering, receiver
from synthetic_films import chest_bytes

if TYPE_CHECKING:
    from conftest import Services

WANTED = WantedPriors(
    identifier="P 1&x",
    since=date(2021, 3, 1),
    today=date(2026, 3, 2),
    films=2,
    known_studies=frozenset({"1.2.9"}),
)
JSON, MULTIPART = "application/dicom+json", "multipart/related; boundary=x"
NEWEST = "/studies/1.2.3/series/1.2.3.1/instances/1.2.3.1.1"


def attributes(**said: str) -> dict[str, Any]:
    tags = {"patient": "00100020", "study": "0020000D", "series": "0020000E", "instance": "00080018"}
    tags |= {"day": "00080020", "modality": "00080060", "body": "00180015"}
    return {tags[name]: {"vr": "LO", "Value": [value]} for name, value in said.items()}


def film(number: int) -> bytes:
    said = {"PatientID": WANTED.identifier, "StudyInstanceUID": f"1.2.{number}", "StudyDate": "20260101"}
    uids = {"SeriesInstanceUID": f"1.2.{number}.1", "SOPInstanceUID": f"1.2.{number}.1.1"}
    return dicom_file(chest_bytes(seed=number), **said, **uids, BodyPartExamined="CHEST")


class Archive:
    """An archive with one film in each of some studies, whose answers a test may change."""

    def __init__(self, server: Receiver) -> None:
        self.server = server
        self.answers: dict[str, tuple[int, bytes, str]] = {}
        server.answer = self.answer
        for number in (1, 2, 3, 9):
            self.add(number)
        self.say(
            "/studies",
            [attributes(patient=WANTED.identifier, study=f"1.2.{n}", day=f"2026010{n}") for n in (1, 3, 2, 9)],
        )

    def add(self, number: int) -> None:
        study = f"/studies/1.2.{number}/series"
        series = f"{study}/1.2.{number}.1/instances"
        self.say(study, [attributes(series=f"1.2.{number}.1", modality="DX", body="CHEST")])
        self.say(series, [attributes(instance=f"1.2.{number}.1.1")])
        chunks, kind = message([(film(number), LITTLE_ENDIAN)], "application/dicom")
        self.answers[f"{series}/1.2.{number}.1.1"] = (200, b"".join(chunks), kind)

    def say(self, path: str, found: object) -> None:
        self.answers[path] = (200, json.dumps(found).encode(), JSON)

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        path = urlsplit(request.path).path.removeprefix("/dicom-web")
        status, body, kind = self.answers.get(path, (404, b"", JSON))
        answering(status, body, kind)(request)

    @property
    def paths(self) -> list[str]:
        return [urlsplit(got.path).path.removeprefix("/dicom-web") for got in self.server.got]


@pytest.fixture
def archive() -> Iterator[Archive]:
    with receiver() as server:
        yield Archive(server)


class Case:
    """A clinic that wants a patient's earlier films."""

    def __init__(self, services: Services) -> None:
        self.services = services
        ada = services.person()
        node = Person(None, "LUNGWISE", ada.clinic_id, Role.NODE)
        new = dicom_file(chest_bytes(seed=7), PatientID=WANTED.identifier, StudyInstanceUID="1.2.9")
        study = services.studies.open(ada, PatientFacts(), [("film", new)])
        PriorFetches(services.session, services.clock).queue(study.patient_id)
        services.session.commit()
        self.database = Database(services.settings)
        wiring = Wiring(services.settings, services.store, services.clock)
        limits = PriorLimits.of(services.settings)
        self.receiver = PriorReceiver(wiring.receive(self.database), node, limits)

    def fetch(self, server: Receiver, **more: Any) -> None:
        own = {"priors_from": f"{server.scheme}://127.0.0.1:{server.server_port}/dicom-web", **more}
        DicomwebArchive(self.services.settings.model_copy(update=own), self.receiver).fetch(WANTED)

    def kept(self) -> list[str]:
        self.services.session.rollback()
        return list(self.services.session.scalars(select(PriorFilm.instance_uid).order_by(PriorFilm.id)))

    def refused(self, server: Receiver, **more: Any) -> str:
        with pytest.raises(PeerError) as error:
            self.fetch(server, **more)
        assert "dicom-web" not in str(error.value) and WANTED.identifier not in str(error.value)
        return str(error.value)


@pytest.fixture
def case(services: Services) -> Iterator[Case]:
    found = Case(services)
    yield found
    found.database.close()


def test_the_newest_films_are_fetched_and_no_more_than_are_wanted(case: Case, archive: Archive) -> None:
    case.fetch(archive.server)
    assert case.kept() == ["1.2.3.1.1", "1.2.2.1.1"]
    asked = parse_qs(urlsplit(archive.server.got[0].path).query)
    assert (asked["PatientID"], asked["StudyDate"]) == ([WANTED.identifier], ["20210301-20260302"])
    assert not [path for path in archive.paths if path.startswith(("/studies/1.2.9", "/studies/1.2.1/"))]


def test_studies_of_others_and_series_that_are_no_chest_films_are_left(case: Case, archive: Archive) -> None:
    archive.say(
        "/studies", [attributes(patient="P 1", study="1.2.1"), attributes(patient=WANTED.identifier, study="1.2.2")]
    )
    archive.say("/studies/1.2.2/series", [attributes(series="1.2.2.1", modality="CT"), attributes(series="1.2.2.2")])
    case.fetch(archive.server)
    assert archive.paths == ["/studies", "/studies/1.2.2/series"]
    assert case.kept() == []


@pytest.mark.parametrize(("status", "body"), [(204, b""), (200, b""), (200, b"[]")])
def test_an_archive_that_finds_nothing_is_no_error(case: Case, archive: Archive, status: int, body: bytes) -> None:
    archive.answers["/studies"] = (status, body, JSON)
    case.fetch(archive.server)
    assert case.kept() == []


@pytest.mark.parametrize(
    ("path", "answer", "said"),
    [
        ("/studies", (401, b"", JSON), "it answers 401"),
        ("/studies", (302, b"", JSON), "a redirect, which is not followed"),
        ("/studies", (200, b"<html>", "text/html"), "answers a search otherwise than DICOMweb does"),
        ("/studies", (200, b" " * ((4 << 20) + 1), JSON), "answers a search otherwise than DICOMweb does"),
        ("/studies/1.2.3/series", (500, b"", JSON), "it answers 500"),
        (NEWEST, (200, b"--x\r\n\r\nA", MULTIPART), "hands a film out otherwise"),
        (NEWEST, (200, b"--x--", MULTIPART), "hands a film out otherwise"),
    ],
)
def test_what_an_archive_does_wrong_is_said(
    case: Case, archive: Archive, path: str, answer: tuple[int, bytes, str], said: str
) -> None:
    archive.answers[path] = answer
    assert said in case.refused(archive.server)


def test_a_uid_that_would_lead_elsewhere_is_not_followed(case: Case, archive: Archive) -> None:
    archive.say("/studies", [attributes(patient=WANTED.identifier, study="../../secrets")])
    assert case.refused(archive.server) == "the archive names something without a UID"
    assert archive.paths == ["/studies"]


def test_an_archive_that_has_ever_more_series_is_given_up(
    case: Case, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dicomweb_archive, "_FETCH_SECONDS", 1.0)
    its = [attributes(series=f"1.2.3.{n}", modality="DX", body="CHEST") for n in range(200)]
    archive.say("/studies/1.2.3/series", its)
    for n in range(200):
        archive.say(f"/studies/1.2.3/series/1.2.3.{n}/instances", [])
    answer = archive.answer

    def slowly(request: BaseHTTPRequestHandler) -> None:
        time.sleep(0.1)
        answer(request)

    archive.server.answer = slowly
    in_time = (": it does not come to an end of its answers", ": it does not answer in time")
    assert case.refused(archive.server).endswith(in_time)
    assert len(archive.paths) < 20


def test_a_film_that_breaks_off_is_fetched_again_and_not_kept(case: Case, archive: Archive) -> None:
    whole, answer = film(3), archive.answer

    def break_off(request: BaseHTTPRequestHandler) -> None:
        if not urlsplit(request.path).path.endswith(NEWEST):
            answer(request)
            return
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/dicom\r\nContent-Length: {len(whole)}\r\n\r\n"
        request.wfile.write(head.encode() + whole[:-1000])

    archive.server.answer = break_off
    assert "IncompleteRead" in case.refused(archive.server)
    archive.server.answer = answer
    case.fetch(archive.server)
    assert case.kept()[0] == "1.2.3.1.1"


def test_a_film_that_is_too_large_is_left_and_the_others_are_fetched(case: Case, archive: Archive) -> None:
    chunks, kind = message([(bytes((1 << 20) + 1), LITTLE_ENDIAN)], "application/dicom")
    archive.answers[NEWEST] = (200, b"".join(chunks), kind)
    case.fetch(archive.server, film_megabytes=1)
    assert case.kept() == ["1.2.2.1.1", "1.2.1.1.1"]


def test_a_film_may_come_without_a_multipart_around_it(case: Case, archive: Archive) -> None:
    archive.answers[NEWEST] = (200, film(3), "application/dicom")
    case.fetch(archive.server)
    assert case.kept()[0] == "1.2.3.1.1"


def test_who_asks_is_said_as_the_settings_have_it(case: Case, archive: Archive, tmp_path: Path) -> None:
    archive.answers["/studies"] = (204, b"", JSON)
    case.fetch(archive.server)
    case.fetch(archive.server, priors_user="lungwise", priors_password=SecretStr("secret"))
    token = tmp_path / "token"
    assert "token cannot be read" in case.refused(archive.server, priors_token_file=token)
    token.write_text("two words")
    assert "token holds none" in case.refused(archive.server, priors_token_file=token)
    token.write_text("abc.def\n")
    case.fetch(archive.server, priors_token_file=token)
    sent = [got.headers["Authorization"] for got in archive.server.got]
    assert sent == [None, "Basic bHVuZ3dpc2U6c2VjcmV0", "Bearer abc.def"]


def test_only_an_archive_whose_certificate_is_good_is_asked(case: Case, tmp_path: Path) -> None:
    for name in ("archive", "stranger"):
        make_certificate(tmp_path, name)
    with receiver(tmp_path / "archive.pem") as server:
        archive = Archive(server)
        assert "certificate is not accepted" in case.refused(server, send_tls_ca=tmp_path / "stranger.pem")
        assert archive.paths == []
        case.fetch(server, send_tls_ca=tmp_path / "archive.pem")
    assert len(case.kept()) == 2
