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

from conftest import film_bytes
from dicom_files import dicom_bytes, film_dataset
from lungwise.access import Person, Role
from lungwise.accounts.tokens import Scope, Tokens
from lungwise.audit.service import AuditTrail
from lungwise.patients.models import Patient
from lungwise.receiving.receiver import FilmReceiver, Kept
from lungwise.receiving.uploads import read_instance
from lungwise.store import FilmStore, utc_now
from lungwise.store.backup import check_films
from lungwise.studies.models import FilmRecord, Study
from lungwise.studies.object_models import HeldFilm, OtherObject
from lungwise.wiring import Wiring
from synthetic_films import chest_bytes

if TYPE_CHECKING:
    from conftest import Visitor
    from lungwise.settings import Settings
    from lungwise.web_app import Lungwise

UID = "1.2.826.0.1.1.1.1"
CLASSES = [f"1.2.840.10008.5.1.4.1.1.{end}" for end in ("88.11", "88.33", "104.1", "11.1", "66.4")]
"""A text report, a comprehensive one, a document, a presentation state, a segmentation."""


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
        receiver = FilmReceiver(Wiring(self.settings, store).receive(self.app.database), node)
        return receiver.accept(read_instance(film, "CR1"), "127.0.0.1")

    def stow(self, film: bytes) -> Any:
        body = b"--edge\r\nContent-Type: application/dicom\r\n\r\n" + film + b"\r\n--edge--\r\n"
        kind = 'multipart/related; type="application/dicom"; boundary=edge'
        return self.program("POST", "/dicom-web/studies", data=body, content_type=kind)

    def api(self, film: bytes, file: str = "film.dcm", **fields: str) -> Any:
        return self.program("POST", "/api/v1/studies", data={"films": [(io.BytesIO(film), file)], **fields})

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
        found = check_films(self.app.database, FilmStore(self.settings))
        assert (found.missing, found.damaged, found.left_over) == ([], [], [])
        with self.app.database.reading() as session:
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
    assert "2 films are set aside" in clinic.ada.get("/studies").text
    page = clinic.ada.get("/held").text
    assert [page.count(words) for words in ("Different pixels</h2>", "Another patient</h2>", UID)] == [1, 1, 2]
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
    assert [bob.post(f"/held/{key}/{action}").status_code for action in ("take", "discard")] == [404, 404]
    assert clinic.held() == [key]


WAYS = ["node", "stow", "api", "page", "zip"]


def test_the_same_film_by_every_way_is_one_film(clinic: Clinic) -> None:
    for way in [*WAYS, *reversed(WAYS)]:
        clinic.send(way, film_of())
    assert (clinic.count(), clinic.held()) == ((1, 1, 1), [])
    page = clinic.ada.get(clinic.ada.upload(film_of())).text
    assert "This film is already here: study of P-1." in page
    said = clinic.api(film_of()).get_json()
    assert (said["taken"], [one["code"] for one in said["not_taken"]]) == (0, ["already-here"])
    assert said["not_taken"][0]["study"] == said["key"]


@pytest.mark.parametrize("way", WAYS)
def test_an_answer_that_is_lost_after_the_commit_makes_no_second_study(way: str, clinic: Clinic) -> None:
    """The request is answered, its answer thrown away, and the same sent again."""
    picture = film_bytes(1)
    for _time in range(2):
        clinic.send(way, film_of() if way in ("node", "stow") else picture)
    assert clinic.count() == (1, 1, 1)


def test_a_form_that_is_sent_again_opens_no_second_study(clinic: Clinic) -> None:
    form = clinic.ada.get("/studies/new").text
    key = re.findall(r'name="once" value="(\w{20})"', form)
    assert len(key) == 1
    for identifier in ("", "", "7", "7"):
        films = [(io.BytesIO(film_bytes(2)), "film.jpg")]
        clinic.ada.post("/studies/new", films=films, once=key[0], identifier=identifier)
    assert clinic.count() == (2, 2, 2)  # the same picture was said to be another patient's, and once


def test_a_film_of_another_patient_as_a_person_typed_is_a_film_of_its_own(clinic: Clinic) -> None:
    for name in ("Ada", "Ada", "Bob", "Bob", "Ada"):
        clinic.api(film_bytes(3), "film.jpg", identifier=f"H-{name}", name=name)
    assert clinic.count() == (2, 2, 2)


def test_a_disc_gives_its_films_and_a_list_by_page_and_api(clinic: Clinic) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in ("AUTORUN.INF", "INDEX.HTM", "Thumbs.db", "DICOMDIR", ".DS_Store", "VIEWER.EXE"):
            archive.writestr(name, b"junk")
        for name, data in (("letter.pdf", b"%PDF-1.7"), ("IM1", film_of()), ("IM2.jpg", film_bytes(4))):
            archive.writestr(name, data)
    said = clinic.api(out.getvalue(), "disc.zip", identifier="P-1").get_json()
    assert (said["taken"], [(one["name"], one["code"]) for one in said["not_taken"]]) == (
        2,
        [("letter.pdf", "no-film")],
    )
    more = [(io.BytesIO(film_bytes(5)), "five.jpg"), (io.BytesIO(b"%PDF-1.7"), "note.pdf")]
    location = clinic.ada.post("/studies/new", films=more).headers["Location"]
    page = clinic.ada.get(location).text
    assert "1 film is accepted." in page and "Not films: note.pdf." in page
    refused = clinic.ada.post("/studies/new", films=[(io.BytesIO(b"%PDF-1.7"), "note.pdf")])
    assert "note.pdf is not a film." in refused.text


def test_an_upload_of_a_known_uid_with_other_content_is_kept_aside_and_said(clinic: Clinic) -> None:
    clinic.api(film_of())
    answer = clinic.api(film_of(1))
    assert (answer.status_code, "set aside" in answer.get_json()["title"]) == (422, True)
    assert (clinic.count(), len(clinic.held())) == ((1, 1, 1), 1)


def report_of(patient: str = "P-1", sop_class: str = "1.2.840.10008.5.1.4.1.1.88.11", number: int = 1) -> bytes:
    item = film_dataset(
        chest_bytes(),
        SOPClassUID=sop_class,
        StudyInstanceUID="1.2.826.0.1.1",
        SeriesInstanceUID="1.2.826.0.1.1.9",
        SOPInstanceUID=f"1.2.826.0.1.1.9.{number}",
        PatientID=patient,
        Modality="SR",
        PixelData=None,
    )
    return dicom_bytes(item)


def test_what_lies_beside_films_is_kept_byte_for_byte_given_back_and_deleted_with_the_study(clinic: Clinic) -> None:
    objects = [report_of(sop_class=uid, number=n) for n, uid in enumerate(("1.2.840.10008.5.1.4.1.1.88.59", *CLASSES))]
    assert clinic.stow(objects[0]).status_code == 200  # also before its film
    assert clinic.stow(film_of()).status_code == 200
    for item in objects[1:] * 2:
        assert clinic.stow(item).status_code == 200
    assert clinic.send("node", report_of("P-2", number=8)) is Kept.OBJECT
    assert clinic.count() == (1, 1, 1)
    series = "/dicom-web/studies/1.2.826.0.1.1/series/1.2.826.0.1.1.9"
    assert len(clinic.program("GET", f"{series}/instances").get_json()) == len(objects)  # none of another patient
    client = clinic.app.test_client(use_cookies=False)
    headers = {"Authorization": f"Bearer {clinic.token}", "Accept": "application/dicom"}
    for number, item in enumerate(objects):
        assert client.get(f"{series}/instances/1.2.826.0.1.1.9.{number}", headers=headers).data == item
    with clinic.app.database.reading() as session:
        study = session.scalars(select(Study.key)).one()
    page = clinic.ada.get(f"/studies/{study}").text
    assert page.count("<li>Encapsulated PDF") == page.count("<li>Key Object Selection Document") == 1
    assert clinic.held() == []
    clinic.ada.post(f"/studies/{study}/delete", sure="y")
    with clinic.app.database.reading() as session:
        assert [one.instance_uid for one in session.scalars(select(OtherObject))] == ["1.2.826.0.1.1.9.8"]
    assert clinic.held() == []


def test_an_object_whose_file_is_missing_hides_neither_its_study_nor_what_else_lies_there(clinic: Clinic) -> None:
    for item in (film_of(), report_of(number=1), report_of(number=2)):
        assert clinic.stow(item).status_code == 200
    with clinic.app.database.reading() as session:
        study = session.scalars(select(Study.key)).one()
        lost, _other = session.scalars(select(OtherObject.key).order_by(OtherObject.id))
    FilmStore(clinic.settings).delete(lost)
    page = clinic.ada.get(f"/studies/{study}")
    assert (page.text.count("<li>Basic Text SR"), page.text.count("Some cannot be fetched")) == (1, 1)
    series = "/dicom-web/studies/1.2.826.0.1.1/series/1.2.826.0.1.1.9"
    (left,) = clinic.program("GET", f"{series}/instances").get_json()
    assert left["00080018"]["Value"] == ["1.2.826.0.1.1.9.2"]
    clinic.ada.post(f"/studies/{study}/delete", sure="y")
    with clinic.app.database.reading() as session:
        assert session.scalars(select(OtherObject)).all() == []
    assert clinic.held() == []


def test_an_upload_takes_what_lies_beside_its_films(clinic: Clinic) -> None:
    files = [(io.BytesIO(film_of()), "IM1"), (io.BytesIO(report_of()), "SR1")]
    said = clinic.program("POST", "/api/v1/studies", data={"films": files}).get_json()
    assert (said["taken"], said["not_taken"]) == (1, [])
    with clinic.app.database.reading() as session:
        assert len(session.scalars(select(OtherObject)).all()) == 1
    assert clinic.held() == []


def test_objects_can_be_left_out(clinic: Clinic) -> None:
    clinic.settings = clinic.settings.model_copy(update={"other_objects": "discard"})
    assert clinic.send("node", report_of()) is Kept.OBJECT_LEFT
    with clinic.app.database.reading() as session:
        assert session.scalars(select(OtherObject)).all() == []
