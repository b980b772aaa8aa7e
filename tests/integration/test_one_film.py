"""One film is one film by every way in, and a known UID with other content is kept aside, said, and settled."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from pydicom import dcmread
from sqlalchemy import func, select

from dicom_files import dicom_bytes, film_dataset
from drawn import chest_bytes
from lungwise.accounts.person import Person, Role
from lungwise.accounts.tokens import Scope, Tokens
from lungwise.audit.service import AuditTrail
from lungwise.cli.installation import studies_over
from lungwise.patients.models import Patient
from lungwise.store import FilmStore, utc_now
from lungwise.store.backup import check_films
from lungwise.studies.intake import arrival_of
from lungwise.studies.models import FilmRecord, HeldFilm, Study
from lungwise.studies.reception import Reception

if TYPE_CHECKING:
    from conftest import Visitor
    from lungwise.settings import Settings
    from lungwise.web.app import Lungwise

UID = "1.2.826.0.1.1.1.1"


def film_of(seed: int = 0, patient: str = "P-1", **more: Any) -> bytes:
    film = film_dataset(
        chest_bytes(seed=seed),
        StudyInstanceUID="1.2.826.0.1.1",
        SeriesInstanceUID="1.2.826.0.1.1.1",
        SOPInstanceUID=UID,
        PatientID=patient,
        **more,
    )
    return dicom_bytes(film)


@dataclass
class Clinic:
    """The application, its administrator, and every way in."""

    app: Lungwise
    settings: Settings
    person: Person
    ada: Visitor
    token: str

    def send(self, way: str, film: bytes) -> Any:
        """Send a film by one way, and give the answer."""
        return {"node": self._node, "stow": self.stow, "api": self.api, "page": self._page, "zip": self._zip}[way](film)

    def _node(self, film: bytes) -> Any:
        store = FilmStore(self.settings)
        node = Person(None, "LUNGWISE", self.person.clinic_id, Role.NODE)
        reception = Reception(self.app.database, store, studies_over(self.settings, store), node, lambda: None)
        return reception.accept(arrival_of(film, "CR1"), "127.0.0.1")

    def stow(self, film: bytes) -> Any:
        body = b"--edge\r\nContent-Type: application/dicom\r\n\r\n" + film + b"\r\n--edge--\r\n"
        kind = 'multipart/related; type="application/dicom"; boundary=edge'
        return self.program("POST", "/dicom-web/studies", data=body, content_type=kind)

    def api(self, film: bytes, name: str = "film.dcm", **fields: str) -> Any:
        return self.program("POST", "/api/v1/studies", data={"films": [(io.BytesIO(film), name)], **fields})

    def _page(self, film: bytes) -> Any:
        return self.ada.upload(film)

    def _zip(self, film: bytes) -> Any:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr("IM1", film)
        return self.api(out.getvalue(), "films.zip")

    def program(self, method: str, path: str, **more: Any) -> Any:
        client = self.app.test_client(use_cookies=False)
        return client.open(path, method=method, headers={"Authorization": f"Bearer {self.token}"}, **more)

    def count(self) -> tuple[int, int, int]:
        """Count studies, films and patients."""
        with self.app.database.reading() as session:
            tables = (Study, FilmRecord, Patient)
            studies, films, patients = (session.scalar(select(func.count()).select_from(one)) or 0 for one in tables)
            return studies, films, patients

    def held(self) -> list[str]:
        """Give the keys of the films kept aside, with all files where they belong."""
        with self.app.database.reading() as session:
            found = check_films(session, FilmStore(self.settings))
            assert (found.missing, found.damaged, found.left_over) == ([], [], [])
            return list(session.scalars(select(HeldFilm.key).order_by(HeldFilm.id)))


@pytest.fixture
def clinic(
    app: Lungwise, settings: Settings, visit: Callable[..., Visitor], enrol: Callable[..., Person]
) -> Iterator[Clinic]:
    person = enrol(app, "Asha", role=Role.ADMINISTRATOR)
    with app.database.writing() as session:
        token = Tokens(session, utc_now, AuditTrail(session, utc_now)).add(person, "script", tuple(Scope), 30)[1]
    visitor = visit(app)
    visitor.sign_in("asha@example.org")
    yield Clinic(app, settings, person, visitor, token)


def test_the_sender_of_a_known_uid_with_other_content_is_told_and_it_is_kept(clinic: Clinic) -> None:
    assert clinic.stow(film_of()).status_code == 200
    for film in (film_of(1), film_of(patient="P-2")):
        answer = clinic.stow(film)
        (said,) = answer.get_json()["00081199"]["Value"]
        assert (answer.status_code, said["00081196"]["Value"], "00081190" in said) == (202, [0xB000], False)
    assert (clinic.count(), len(clinic.held())) == ((1, 1, 1), 2)
    assert "2 films are kept aside" in clinic.ada.get("/studies").text
    page = clinic.ada.get("/held").text
    assert [page.count(words) for words in ("Other pixels</h2>", "Another patient</h2>", UID)] == [1, 1, 2]
    assert clinic.ada.get(f"/held/{clinic.held()[0]}/thumbnail.jpg").data.startswith(b"\xff\xd8")


def test_a_film_kept_aside_is_taken_under_a_uid_of_its_own_or_discarded(clinic: Clinic) -> None:
    other = film_of(patient="P-2")
    for film in (film_of(), film_of(1), other):
        clinic.stow(film)
    discarded, taken = clinic.held()
    assert clinic.ada.post(f"/held/{discarded}/discard").status_code == 302
    assert clinic.ada.post(f"/held/{taken}/take").status_code == 302
    assert (clinic.count(), clinic.held()) == ((2, 2, 2), [])
    assert clinic.stow(other).status_code == 200  # it is a film now
    series = "/dicom-web/studies/1.2.826.0.1.1/series/1.2.826.0.1.1.1"
    found = clinic.program("GET", f"{series}/instances").get_json()
    first, new = sorted(one["00080018"]["Value"][0] for one in found)
    assert first == UID and re.fullmatch(r"2\.25\.\d+", new)
    path = f"{series}/instances/{new}"
    client = clinic.app.test_client(use_cookies=False)
    given = client.get(path, headers={"Authorization": f"Bearer {clinic.token}", "Accept": "application/dicom"})
    item = dcmread(io.BytesIO(given.data))
    assert (item.SOPInstanceUID, item.PatientID) == (new, "P-2")


def test_only_an_administrator_settles_what_is_kept_aside(clinic: Clinic, visit: Any, enrol: Any) -> None:
    for film in (film_of(), film_of(1)):
        clinic.stow(film)
    enrol(clinic.app, "Bob", role=Role.DOCTOR)
    bob = visit(clinic.app)
    bob.sign_in("bob@example.org")
    (key,) = clinic.held()
    assert bob.get("/held").status_code == bob.get(f"/held/{key}/thumbnail.jpg").status_code == 404
    assert [bob.post(f"/held/{key}/{deed}").status_code for deed in ("take", "discard")] == [404, 404]
    assert clinic.held() == [key]
