"""DICOMweb against a live server: with dicomweb-client, and by hand where a client would not go."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import requests
from dicomweb_client.api import DICOMwebClient
from PIL import Image
from pydicom import dcmread
from pydicom.uid import JPEG2000Lossless
from sqlalchemy.orm import Query, Session

from dicom_checks import errors_of
from dicom_files import compressed_file, dicom_file, jpeg_2000
from live_server import Site, serving_site
from lungwise.access import Person, Role
from lungwise.accounts.tokens import Scope, Tokens
from lungwise.api.schemas import PatientFields
from lungwise.audit.models import AuditEntry
from lungwise.audit.service import AuditTrail
from lungwise.client import Client
from lungwise.clinics.models import Clinic
from lungwise.settings import Settings
from lungwise.store import utc_now
from lungwise.studies.models import FilmRecord, Job, JobState, Study
from moving_clinics import close
from processes import until

if TYPE_CHECKING:
    from pathlib import Path


WORDS = np.tile(np.arange(256, dtype=np.uint16) * 16, (300, 1))
JSON, DICOM, OCTETS = "application/dicom+json", "application/dicom", "application/octet-stream"
EVERYTHING = (Scope.SEE, Scope.UPLOAD, Scope.EXPORT)


def film_of(number: int = 1, study: str = "1.2.3", **attributes: Any) -> bytes:
    words = WORDS + np.uint16(number)
    uids = {
        "StudyInstanceUID": study,
        "SeriesInstanceUID": f"{study}.1",
        "SOPInstanceUID": f"{study}.1.{number}",
        "PatientID": "77",
        "PatientName": "Doe^Jane",
        "StudyDate": "20260102",
        "AccessionNumber": "A-1",
    }
    whole: dict[str, Any] = {**uids, "BitsStored": 12, **attributes}
    return dicom_file(words, **whole)


def as_message(*bodies: bytes, kind: str = DICOM) -> bytes:
    parts = [f"--edge\r\nContent-Type: {kind}\r\n\r\n".encode() + body + b"\r\n" for body in bodies]
    return b"".join(parts) + b"--edge--\r\n"


@dataclass
class Archive:
    """The application as it is served, and what makes tokens for it."""

    site: Site
    people: dict[str, Person]

    @property
    def url(self) -> str:
        return self.site.address + "/dicom-web"

    @property
    def clinic(self) -> int:
        return self.people["asha"].clinic_id

    def token(self, who: str = "asha", scopes: tuple[Scope, ...] = EVERYTHING) -> str:
        with self.site.database.writing() as session:
            tokens = Tokens(session, utc_now, AuditTrail(session, utc_now))
            return tokens.add(self.people[who], "viewer", scopes, 30)[1]

    def client(self, who: str = "asha") -> DICOMwebClient:
        return DICOMwebClient(self.url, headers={"Authorization": f"Bearer {self.token(who)}"})

    def ask(self, method: str, path: str, token: str | None = None, **more: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {token or self.token()}"} | more.pop("headers", {})
        return requests.request(method, self.url + path, headers=headers, timeout=240, **more)

    def store(self, *bodies: bytes, path: str = "/studies", **more: Any) -> requests.Response:
        headers = {"Content-Type": f'multipart/related; type="{DICOM}"; boundary=edge'} | more.pop("headers", {})
        return self.ask("POST", path, data=as_message(*bodies), headers=headers, **more)

    def read_all(self) -> None:
        until(self._is_read)

    def _is_read(self) -> bool:
        with self.site.database.reading() as session:
            return session.query(Job).filter(Job.state != JobState.DONE).count() == 0

    def films(self) -> int:
        with self.site.database.reading() as session:
            return self.own_films(session).count()

    def own_films(self, session: Session) -> Query[FilmRecord]:
        return session.query(FilmRecord).join(Study).filter(Study.clinic_id == self.clinic)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("archive")
    with serving_site(Settings(data_folder=folder, argon2_time=1, argon2_memory=64, upload_megabytes=1)) as site:
        yield site


@pytest.fixture
def archive(site: Site, request: pytest.FixtureRequest) -> Archive:
    """The site, with clinics that no other test knows."""
    clinics = {"asha": "Hill", "bo": "Valley", "root": "Hill"}
    test = hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:8]
    people = {name: site.enrol(f"{name}.{test}", f"{clinic} {test}") for name, clinic in clinics.items()}
    return Archive(site, people)


@pytest.fixture
def stocked(archive: Archive) -> Archive:
    """The archive with two studies, read."""
    client = archive.client()
    client.store_instances([dcmread(io.BytesIO(film_of(number))) for number in (1, 2)])
    client.store_instances([dcmread(io.BytesIO(film_of(1, "1.2.9", PatientID="88", PatientName="Roe^Rick")))])
    archive.read_all()
    return archive


def test_a_client_stores_films_and_they_are_read(archive: Archive) -> None:
    answer = archive.client().store_instances([dcmread(io.BytesIO(film_of(number))) for number in (1, 2)])
    assert [item.ReferencedSOPInstanceUID for item in answer.ReferencedSOPSequence] == ["1.2.3.1.1", "1.2.3.1.2"]
    assert "FailedSOPSequence" not in answer
    archive.read_all()
    with archive.site.database.reading() as session:
        films = archive.own_films(session).all()
        assert len(films) == 2 and len({film.study_id for film in films}) == 1
        assert all(film.reading is not None for film in films)


def test_a_client_finds_studies_series_and_instances(stocked: Archive) -> None:
    client = stocked.client()
    studies = client.search_for_studies(search_filters={"PatientID": "77"})
    assert [study["0020000D"]["Value"] for study in studies] == [["1.2.3"]]
    assert studies[0]["00080061"]["Value"] == ["DOC", "DX", "OT", "PR", "SEG", "SR"]
    assert studies[0]["00201208"]["Value"] == [10]  # two films, their heat maps, outlines, masks, and two reports
    assert len(client.search_for_studies()) == 2
    series = client.search_for_series("1.2.3")
    assert len(series) == studies[0]["00201206"]["Value"][0] == 6
    instances = client.search_for_instances("1.2.3")
    assert len(instances) == 10
    assert len(client.search_for_instances("1.2.3", "1.2.3.1")) == 2
    assert len(client.search_for_instances(search_filters={"SOPInstanceUID": "1.2.3.1.2"})) == 1


def test_a_client_retrieves_the_film_and_its_results(stocked: Archive, tmp_path: Path) -> None:
    client = stocked.client()
    objects = client.retrieve_study("1.2.9")
    assert sorted(item.Modality for item in objects) == ["DOC", "DX", "OT", "PR", "SEG", "SR"]
    film = next(item for item in objects if item.Modality == "DX")
    assert np.array_equal(film.pixel_array, WORDS + 1)
    results = [item for item in objects if item.Modality != "DX"]
    assert [error for item in results for error in errors_of(item, tmp_path)] == []
    assert {str(item.PatientName) for item in objects} == {"Roe^Rick"}
    report = next(item for item in results if item.Modality == "SR")
    again = client.retrieve_instance("1.2.9", report.SeriesInstanceUID, report.SOPInstanceUID)
    assert again.SOPInstanceUID == report.SOPInstanceUID
    assert len(client.retrieve_series("1.2.9", report.SeriesInstanceUID)) == 1


def test_a_client_retrieves_metadata(stocked: Archive) -> None:
    client = stocked.client()
    described = client.retrieve_study_metadata("1.2.9")
    assert len(described) == 6
    film = client.retrieve_instance_metadata("1.2.9", "1.2.9.1", "1.2.9.1.1")
    assert film["00280010"]["Value"] == [300] and film["00100010"]["Value"] == [{"Alphabetic": "Roe^Rick"}]
    assert "Value" not in film["7FE00010"]
    address = film["7FE00010"]["BulkDataURI"].partition("/dicom-web")[2]  # the client's Host names no port
    assert stocked.ask("GET", address, headers={"Accept": OCTETS}).content == (WORDS + 1).tobytes()
    assert len(client.retrieve_series_metadata("1.2.9", "1.2.9.1")) == 1


def test_a_client_retrieves_frames_of_films_heat_map_and_mask(stocked: Archive) -> None:
    client = stocked.client()
    (frame,) = client.retrieve_instance_frames("1.2.9", "1.2.9.1", "1.2.9.1.1", [1])
    assert np.array_equal(np.frombuffer(frame, "<u2").reshape(WORDS.shape), WORDS + 1)
    as_wished = ("application/octet-stream", "1.2.840.10008.1.2.1")
    assert client.retrieve_instance_frames("1.2.9", "1.2.9.1", "1.2.9.1.1", [1], media_types=(as_wished,)) == [frame]
    made = {item.Modality: item for item in client.retrieve_study("1.2.9")}
    heat, mask = made["OT"], made["SEG"]
    (drawn,) = client.retrieve_instance_frames("1.2.9", heat.SeriesInstanceUID, heat.SOPInstanceUID, [1])
    assert drawn == heat.PixelData[: len(drawn)] and len(drawn) == heat.Rows * heat.Columns * 3
    (packed,) = client.retrieve_instance_frames("1.2.9", mask.SeriesInstanceUID, mask.SOPInstanceUID, [1])
    assert packed == mask.PixelData and mask.pixel_array.any()


def test_the_frame_of_a_compressed_film_is_decoded(archive: Archive) -> None:
    words = WORDS.astype(np.uint8)
    film = compressed_file(
        jpeg_2000(words),
        words,
        JPEG2000Lossless,
        StudyInstanceUID="1.2.7",
        SeriesInstanceUID="1.2.7.1",
        SOPInstanceUID="1.2.7.1.1",
    )
    assert archive.store(film).status_code == 200
    (frame,) = archive.client().retrieve_instance_frames("1.2.7", "1.2.7.1", "1.2.7.1.1", [1])
    assert np.array_equal(np.frombuffer(frame, np.uint8).reshape(words.shape), words)


def test_a_client_retrieves_what_a_browser_shows(stocked: Archive) -> None:
    client = stocked.client()
    shown = client.retrieve_instance_rendered("1.2.9", "1.2.9.1", "1.2.9.1.1", media_types=("image/png",))
    assert Image.open(io.BytesIO(shown)).size == (256, 300)
    objects = {item.Modality: item for item in client.retrieve_study("1.2.9")}

    def address(modality: str) -> str:
        item = objects[modality]
        return f"/studies/1.2.9/series/{item.SeriesInstanceUID}/instances/{item.SOPInstanceUID}/rendered"

    small = stocked.ask("GET", address("DX") + "?viewport=128,128&quality=50")
    assert small.headers["Content-Type"] == "image/jpeg"
    assert Image.open(io.BytesIO(small.content)).size == (109, 128)
    heat = np.asarray(Image.open(io.BytesIO(stocked.ask("GET", address("OT")).content)), np.int16)
    assert heat.shape[2] == 3 and (heat[..., 0] - heat[..., 2]).max() > 100  # in colours
    report = stocked.ask("GET", address("DOC"))
    assert report.headers["Content-Type"] == "application/pdf"
    length = objects["DOC"].EncapsulatedDocumentLength
    assert report.content == objects["DOC"].EncapsulatedDocument[:length]
    assert stocked.ask("GET", address("SR")).status_code == 406
    assert stocked.ask("GET", address("DOC"), headers={"Accept": "image/*"}).status_code == 406
    for wrong in ("viewport=0,1", "viewport=1", "quality=101", "window=1,2,linear"):
        assert stocked.ask("GET", f"{address('DX')}?{wrong}").status_code == 400, wrong


MATCHED = [
    ("PatientName=doe*", ["1.2.3"]),
    ("PatientName=D?E*", ["1.2.3"]),
    ("PatientName=Roe^R*", ["1.2.9"]),
    ("00100010=*rick", ["1.2.9"]),
    ("PatientID=7?", ["1.2.3"]),
    ("StudyInstanceUID=1.2.3,1.2.9", ["1.2.9", "1.2.3"]),
    ("StudyDate=20260101-20260103&PatientID=88", ["1.2.9"]),
    ("StudyDate=20270101-", []),
    ("ModalitiesInStudy=SR", ["1.2.9", "1.2.3"]),
    ("AccessionNumber=A-1&limit=1", ["1.2.9"]),
    ("limit=1&offset=1", ["1.2.3"]),
    ("PatientID=nobody", []),
    ("PatientBirthDate=", ["1.2.9", "1.2.3"]),
]


def test_studies_are_matched_as_the_standard_says(stocked: Archive) -> None:
    for search, found in MATCHED:
        answer = stocked.ask("GET", f"/studies?{search}")
        assert answer.status_code == 200 and answer.headers["Content-Type"] == JSON
        assert [study["0020000D"]["Value"][0] for study in answer.json()] == found, search


def test_a_search_says_where_it_was_cut_and_what_it_did_not_do(stocked: Archive) -> None:
    for search, warned in (
        ("limit=1", "additional results"),
        ("limit=2", None),
        ("fuzzymatching=true", "Only literal"),
    ):
        warning = stocked.ask("GET", f"/studies?{search}").headers.get("Warning")
        assert (warning is None) if warned is None else (warning or "").startswith("299 ") and warned in (warning or "")


def test_more_attributes_are_given_where_asked_for(stocked: Archive) -> None:
    plain = stocked.ask("GET", "/studies?PatientID=88").json()[0]
    more = stocked.ask("GET", "/studies?PatientID=88&includefield=BitsStored&includefield=00280100").json()[0]
    assert set(more) - set(plain) == {"00280101", "00280100"}


def test_a_search_that_cannot_be_understood_says_so(archive: Archive) -> None:
    for search in ("Nonsense=1", "limit=many", "offset=-1", "fuzzymatching=perhaps", "includefield=12"):
        answer = archive.ask("GET", f"/studies?{search}")
        assert answer.status_code == 400, search
        assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_jpeg_is_an_instance_too(archive: Archive, film: Callable[..., bytes]) -> None:
    patient = PatientFields(identifier="99", name="Jay Peg")
    Client(archive.site.address, archive.token()).upload([film(1)], patient)
    archive.read_all()
    client = archive.client()
    (study,) = client.search_for_studies(search_filters={"PatientID": "99"})
    objects = client.retrieve_study(study["0020000D"]["Value"][0])
    assert sorted(item.Modality for item in objects) == ["DOC", "OT", "OT", "SR"]
    report = next(item for item in objects if item.Modality == "SR")
    named = report.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0].ReferencedSOPSequence[0]
    assert named.ReferencedSOPInstanceUID in {item.SOPInstanceUID for item in objects}


def test_without_a_good_token_there_is_nothing(stocked: Archive) -> None:
    for method, path in (("GET", "/studies"), ("GET", "/studies/1.2.3"), ("GET", "/studies/1.2.3/metadata")):
        for header in ({}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Basic YTpi"}):
            answer = requests.request(method, stocked.url + path, headers=header, timeout=240)
            assert answer.status_code == 401 and answer.headers["WWW-Authenticate"] == "Bearer"
            assert "Doe" not in answer.text
    refused = requests.post(stocked.url + "/studies", data=as_message(film_of(5)), timeout=240)
    assert refused.status_code == 401


def test_a_token_does_no_more_than_its_scopes(stocked: Archive) -> None:
    only_see = stocked.token(scopes=(Scope.SEE,))
    assert stocked.ask("GET", "/studies", only_see).status_code == 200
    assert stocked.ask("GET", "/studies/1.2.3/series", only_see).status_code == 200
    film = "/series/1.2.3.1/instances/1.2.3.1.1"
    for path in ("", "/metadata", "/instances", film, f"{film}/frames/1", f"{film}/rendered"):
        assert stocked.ask("GET", f"/studies/1.2.3{path}", only_see).status_code == 403
    assert stocked.store(film_of(7), token=only_see).status_code == 403


def test_another_clinic_finds_and_gets_nothing(stocked: Archive) -> None:
    stranger = stocked.token("bo")
    assert stocked.ask("GET", "/studies", stranger).json() == []
    film = "/series/1.2.3.1/instances/1.2.3.1.1"
    for path in ("", "/metadata", "/series/1.2.3.1", film, f"{film}/frames/1", f"{film}/rendered"):
        assert stocked.ask("GET", f"/studies/1.2.3{path}", stranger).status_code == 404
    assert stocked.ask("GET", "/studies/1.2.3/series", stranger).json() == []


def test_the_same_film_of_another_clinic_is_its_own(stocked: Archive) -> None:
    assert stocked.store(film_of(1), token=stocked.token("bo")).status_code == 200
    assert len(stocked.ask("GET", "/studies", stocked.token("bo")).json()) == 1
    assert len(stocked.ask("GET", "/studies/1.2.3/series/1.2.3.1/instances").json()) == 2


def test_what_was_given_is_in_the_audit_trail(stocked: Archive) -> None:
    stocked.ask("GET", "/studies/1.2.3")
    with stocked.site.database.reading() as session:
        actions = [entry.action for entry in session.query(AuditEntry).filter_by(clinic_id=stocked.clinic)]
    assert actions.count("exported") == 1 and actions.count("received") == 3


def test_what_is_stored_is_there_when_it_is_answered(archive: Archive) -> None:
    answer = archive.store(film_of(1), film_of(2))
    assert answer.status_code == 200
    assert archive.films() == 2
    assert answer.json()["00081190"]["Value"] == [f"{archive.url}/studies"]
    where = [item["00081190"]["Value"][0] for item in answer.json()["00081199"]["Value"]]
    got = requests.get(where[0], headers={"Authorization": f"Bearer {archive.token()}", "Accept": DICOM}, timeout=60)
    assert got.content == film_of(1)


def test_a_film_is_kept_once_and_accepted_again(archive: Archive) -> None:
    assert [archive.store(film_of(1)).status_code for _ in range(2)] == [200, 200]
    assert archive.films() == 1


def test_each_instance_is_refused_with_its_reason(archive: Archive) -> None:
    slices = film_of(3, SOPClassUID="1.2.840.10008.5.1.4.1.1.2", Modality="CT")
    answer = archive.store(film_of(1), b"no DICOM at all", slices, film_of(4, "1.2.77"), path="/studies/1.2.3")
    assert answer.status_code == 202
    failed = answer.json()["00081198"]["Value"]
    assert [item["00081197"]["Value"][0] for item in failed] == [0xC000, 0x0122, 0xA900]
    assert [item.get("00081155", {}).get("Value") for item in failed] == [None, ["1.2.3.1.3"], ["1.2.77.1.4"]]
    assert archive.films() == 1


def test_where_nothing_is_stored_it_is_a_conflict(archive: Archive) -> None:
    assert archive.store(b"no DICOM at all").status_code == 409


def test_a_clinic_that_moves_takes_nothing(archive: Archive) -> None:
    with archive.site.database.reading() as session:
        name = session.get_one(Clinic, archive.clinic).name
    token = archive.token()
    close(archive.site.database, name)
    answer = archive.store(film_of(), token=token)
    assert answer.status_code == 409
    (failed,) = answer.json()["00081198"]["Value"]
    assert failed["00081197"]["Value"] == [0xA700]
    assert archive.films() == 0


def test_parts_of_another_kind_are_refused_by_themselves(archive: Archive) -> None:
    body = as_message(film_of(1), kind="image/jpeg")[: -len("--edge--\r\n")] + as_message(film_of(2))
    answer = archive.ask("POST", "/studies", data=body, headers={"Content-Type": "multipart/related; boundary=edge"})
    assert answer.status_code == 202
    assert archive.films() == 1


REFUSED = [
    ({"Content-Type": "application/dicom"}, 415),
    ({"Content-Type": 'multipart/related; type="application/dicom+xml"; boundary=edge'}, 415),
    ({"Content-Type": "multipart/form-data; boundary=edge"}, 415),
    ({"Content-Type": "multipart/related"}, 400),
    ({"Content-Type": "multipart/related; boundary=other"}, 400),
    ({"Accept": "application/dicom+xml"}, 406),
]


def test_a_store_in_another_form_is_refused(archive: Archive) -> None:
    for headers, status in REFUSED:
        assert archive.store(film_of(1), headers=headers).status_code == status, headers
    assert archive.films() == 0


FILM = "/studies/1.2.3/series/1.2.3.1/instances/1.2.3.1.1"
ACCEPTED = [
    ("/studies", "application/dicom+xml", 406),
    ("/studies", "text/html, application/json;q=0.5", 200),
    ("/studies/1.2.3/metadata", 'multipart/related; type="application/dicom+xml"', 406),
    ("/studies/1.2.3", "application/dicom+json", 406),
    ("/studies/1.2.3", 'multipart/related; type="image/jpeg"', 406),
    ("/studies/1.2.3", 'multipart/related; type="application/dicom"; transfer-syntax=1.2.840.10008.1.2.4.50', 406),
    ("/studies/1.2.3", 'multipart/related; type="application/dicom"; transfer-syntax=*', 200),
    ("/studies/1.2.3/series/1.2.3.1/instances/1.2.3.1.1", "application/dicom", 200),
    ("/studies/1.2.3/series/1.2.3.1/instances/1.2.3.1.1", "multipart/related; type=application/dicom", 200),
    ("/studies/1.2.4", "*/*", 404),
    ("/studies/1.2.3/series/1.2.3.1/instances/9", "*/*", 404),
    ("/nothing", "*/*", 404),
    (f"{FILM}/frames/1", 'multipart/related; type="application/octet-stream"', 200),
    (f"{FILM}/frames/1", 'multipart/related; type="image/jpeg"', 406),
    (f"{FILM}/frames/1", 'multipart/related; type="application/octet-stream"; transfer-syntax=1.2.3', 406),
    (f"{FILM}/frames/2", "*/*", 404),
    (f"{FILM}/frames/1,x", "*/*", 404),
    ("/studies", "application/json;q=0, text/html", 406),
    (f"{FILM}/frames/1", "text/html;q=1, multipart/related;type=application/octet-stream;q=0.1", 200),
    (f"{FILM}/rendered", "image/*", 200),
    (f"{FILM}/rendered", "text/html", 406),
    ("/studies/1.2.3/series/1.2.3.1/instances/9/rendered", "*/*", 404),
]


def test_answers_are_of_the_kind_that_is_accepted(stocked: Archive) -> None:
    for path, accept, status in ACCEPTED:
        assert stocked.ask("GET", path, headers={"Accept": accept}).status_code == status, (path, accept)


def test_a_request_that_is_too_large_is_refused_whole(archive: Archive) -> None:
    assert archive.store(*[film_of(number) for number in range(10)]).status_code == 413
    assert archive.films() == 0


def test_a_machine_may_store_too(archive: Archive) -> None:
    with archive.site.database.writing() as session:
        administrator = Person(archive.people["root"].id, "root", archive.people["root"].clinic_id, Role.ADMINISTRATOR)
        tokens = Tokens(session, utc_now, AuditTrail(session, utc_now))
        text = tokens.add(administrator, "X-ray room 2, second floor", EVERYTHING, 30, machine=True)[1]
    assert archive.store(film_of(1), token=text).status_code == 200
