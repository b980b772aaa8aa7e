from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEG2000Lossless

from dicom_files import dicom_bytes, film_dataset
from lungwise.accounts.tokens import Scope, Tokens
from lungwise.audit.service import AuditTrail
from lungwise.dicomweb.app import PREFIX
from lungwise.store import utc_now
from synthetic_films import chest_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

    from lungwise.access import Person
    from lungwise.web_app import Lungwise

UIDS = {"StudyInstanceUID": "1.2", "SeriesInstanceUID": "1.2.3", "SOPInstanceUID": "1.2.3.4"}
FILM = "/studies/1.2/series/1.2.3/instances/1.2.3.4"


@pytest.fixture
def ask(app: Lungwise, enrol: Callable[..., Person]) -> Callable[..., Any]:
    """Give what sends a doctor's request."""
    person = enrol(app, "Ada")
    with app.database.writing() as session:
        token = Tokens(session, utc_now, AuditTrail(session, utc_now)).add(person, "script", tuple(Scope), 30)[1]
    client = app.test_client(use_cookies=False)

    def ask(method: str, path: str, **more: Any) -> Any:
        headers = {"Authorization": f"Bearer {token}", **more.pop("headers", {})}
        return client.open(PREFIX + path, method=method, headers=headers, **more)

    return ask


def store(ask: Callable[..., Any], film: bytes, kind: str = 'type="application/dicom"') -> Any:
    body = b"--edge\r\nContent-Type: application/dicom\r\n\r\n" + film + b"\r\n--edge--\r\n"
    return ask("POST", "/studies", data=body, content_type=f"multipart/related; {kind}; boundary=edge")


def test_a_film_is_stored_found_and_retrieved(ask: Callable[..., Any]) -> None:
    film = dicom_bytes(film_dataset(chest_bytes(), PatientID="7", **UIDS))
    assert store(ask, film, "type=application/dicom").status_code == 200
    for path in ("/studies?PatientID=7", "/studies/1.2/series/1.2.3/instances"):
        assert len(ask("GET", path).json) == 1, path
    for path in ("/series", "/studies/1.2/series", "/studies/1.2/instances"):  # those of the results, once it is read
        assert "1.2.3" in [one["0020000E"]["Value"][0] for one in ask("GET", path).json], path
    assert ask("GET", FILM, headers={"Accept": "application/dicom"}).data == film
    assert ask("GET", f"{FILM}/rendered").mimetype == "image/jpeg"
    assert ask("GET", f"{FILM}/frames/2").status_code == 404


def test_a_film_is_retrieved_by_the_uids_that_it_was_given(ask: Callable[..., Any], app: Lungwise) -> None:
    film = film_dataset(chest_bytes(), StudyInstanceUID="1.2", SOPInstanceUID="1.2.3.4")
    for name, data in (("new", dicom_bytes(film)), ("known", dicom_bytes(film, ImplicitVRLittleEndian))):
        (stored,) = store(ask, data).json["00081199"]["Value"]
        address = stored["00081190"]["Value"][0]
        object_ = ask("GET", address[address.index("/studies") :], headers={"Accept": "application/dicom"})
        item = dcmread(io.BytesIO(object_.data))
        uids = f"/studies/{item.StudyInstanceUID}/series/{item.SeriesInstanceUID}/instances/{item.SOPInstanceUID}"
        assert address.endswith(uids), name
        assert item.file_meta.MediaStorageSOPInstanceUID == item.SOPInstanceUID == "1.2.3.4"


@pytest.mark.parametrize(
    ("accept", "status"),
    [("application/json;q=0, text/html", 406), ("text/html, application/dicom+json;q=0.1", 200), ("*/*", 200)],
)
def test_a_quality_of_zero_is_not_acceptable(ask: Callable[..., Any], accept: str, status: int) -> None:
    assert ask("GET", "/studies", headers={"Accept": accept}).status_code == status


def test_nobody_gets_in_without_a_token(app: Lungwise) -> None:
    assert app.test_client(use_cookies=False).get(f"{PREFIX}/studies").status_code == 401


def test_an_object_comes_in_the_transfer_syntax_that_is_asked_for(ask: Callable[..., Any]) -> None:
    stored = dicom_bytes(film_dataset(chest_bytes(), **UIDS), ImplicitVRLittleEndian)
    assert store(ask, stored).status_code == 200

    def get(path: str, accept: str) -> Any:
        return ask("GET", path, headers={"Accept": accept})

    plain = get(FILM, "application/dicom")
    assert plain.headers["Content-Type"] == f"application/dicom; transfer-syntax={ExplicitVRLittleEndian}"
    assert dcmread(io.BytesIO(plain.data)).file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    for alike in (
        "application/dicom; transfer-syntax=*",
        f"application/dicom; transfer-syntax={ImplicitVRLittleEndian}",
    ):
        assert get(FILM, alike).data == stored
    parts = 'multipart/related; type="application/dicom"'
    for accept, syntax in ((parts, ExplicitVRLittleEndian), (f"{parts}; transfer-syntax=*", ImplicitVRLittleEndian)):
        head = get("/studies/1.2/series/1.2.3", accept).data.split(b"\r\n\r\n")[0].decode()
        assert head.endswith(f"Content-Type: application/dicom; transfer-syntax={syntax}")
    assert get(FILM, f"application/dicom; transfer-syntax={JPEG2000Lossless}").status_code == 406
    assert get("/studies/1.2/series/1.2.3", f"{parts}; transfer-syntax={JPEG2000Lossless}").status_code == 406
    frame = get(f"{FILM}/frames/1", 'multipart/related; type="application/octet-stream"; transfer-syntax=*')
    assert f"application/octet-stream; transfer-syntax={ExplicitVRLittleEndian}".encode() in frame.data[:200]


def test_thumbnails_rendered_frames_and_bulk_data_are_given(ask: Callable[..., Any]) -> None:
    assert store(ask, dicom_bytes(film_dataset(chest_bytes(), **UIDS))).status_code == 200
    for path in ("/studies/1.2", "/studies/1.2/series/1.2.3", FILM, f"{FILM}/frames/1"):
        small = ask("GET", f"{path}/thumbnail")
        assert small.mimetype == "image/jpeg" and max(Image.open(io.BytesIO(small.data)).size) <= 320, path
    liked = {"Accept": "image/jpeg;q=0.5, image/png"}
    assert ask("GET", f"{FILM}/frames/1/rendered", headers=liked).mimetype == "image/png"
    assert ask("GET", f"{FILM}/frames/2/rendered").status_code == 404
    (described,) = ask("GET", f"{FILM}/metadata").json
    address = described["7FE00010"]["BulkDataURI"]
    assert address.endswith(f"{FILM}/bulkdata/7FE00010")
    pixels = ask("GET", address[address.index("/studies") :], headers={"Accept": "application/octet-stream"})
    assert pixels.data == chest_bytes().tobytes()
    assert ask("GET", f"{FILM}/bulkdata/00420011").status_code == 404
