"""Two hospitals' films with one number: two patients by every way in, on all that comes out, until somebody says."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from pydicom import dcmread
from sqlalchemy import select, update

from dicom_files import dicom_bytes, film_dataset
from lungwise.access import Person, Role
from lungwise.accounts.tokens import Scope, Tokens
from lungwise.audit.service import AuditTrail
from lungwise.patients.models import Patient
from lungwise.receiving.receiver import FilmReceiver, Kept
from lungwise.receiving.uploads import read_instance
from lungwise.reports.service import Reports
from lungwise.store import FilmStore, utc_now
from lungwise.studies.models import FilmRecord, Job, Study
from lungwise.wiring import Wiring
from synthetic_films import chest_bytes

if TYPE_CHECKING:
    from conftest import Visitor
    from lungwise.settings import Settings
    from lungwise.web_app import Lungwise

ADA = {"PatientName": "Lovelace^Ada", "PatientSex": "F", "PatientBirthDate": "19800501"}
BOB = {"PatientName": "Two^Bob", "PatientSex": "M", "PatientBirthDate": "19500101"}


def film_of(number: int, who: dict[str, str], identifier: str = "P-1", **more: Any) -> bytes:
    study = f"1.2.826.0.1.{number}"
    uids = {"StudyInstanceUID": study, "SeriesInstanceUID": f"{study}.1", "SOPInstanceUID": f"{study}.1.1"}
    film = film_dataset(chest_bytes(seed=number), PatientID=identifier, **{**uids, **who, **more})
    return dicom_bytes(film)


def zipped(film: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("IM1", film)
    return out.getvalue()


@dataclass
class Clinic:
    """The application, its administrator, and every way in."""

    app: Lungwise
    settings: Settings
    person: Person
    ada: Visitor
    token: str

    def send(self, way: str, film: bytes) -> None:
        """Send a film by one way."""
        {"node": self._node, "stow": self._stow, "api": self._api, "page": self._page, "zip": self._zip}[way](film)

    def _node(self, film: bytes) -> None:
        store = FilmStore(self.settings)
        node = Person(None, "LUNGWISE", self.person.clinic_id, Role.NODE)
        receiver = FilmReceiver(Wiring(self.settings, store).receive(self.app.database), node)
        assert receiver.accept(read_instance(film, "CR1"), "127.0.0.1") is Kept.NEW

    def _stow(self, film: bytes) -> None:
        body = b"--edge\r\nContent-Type: application/dicom\r\n\r\n" + film + b"\r\n--edge--\r\n"
        kind = 'multipart/related; type="application/dicom"; boundary=edge'
        answer = self._program("POST", "/dicom-web/studies", data=body, content_type=kind)
        assert answer.status_code == 200, answer.text

    def _api(self, film: bytes) -> None:
        answer = self._program("POST", "/api/v1/studies", data={"films": [(io.BytesIO(film), "film.dcm")]})
        assert answer.status_code == 201, answer.text

    def _page(self, film: bytes) -> None:
        self.ada.upload(film)

    def _zip(self, film: bytes) -> None:
        answer = self._program("POST", "/api/v1/studies", data={"films": [(io.BytesIO(zipped(film)), "films.zip")]})
        assert answer.status_code == 201, answer.text

    def _program(self, method: str, path: str, **more: Any) -> Any:
        client = self.app.test_client(use_cookies=False)
        return client.open(path, method=method, headers={"Authorization": f"Bearer {self.token}"}, **more)

    def studies(self) -> list[str]:
        """List the studies' keys in the order in which they came."""
        with self.app.database.reading() as session:
            return list(session.scalars(select(Study.key).order_by(Study.id)))

    def patients(self) -> list[tuple[str, str]]:
        """List the patients' names and identities."""
        with self.app.database.reading() as session:
            return [(one.name, one.identity) for one in session.scalars(select(Patient).order_by(Patient.id))]

    def everything_of(self, study: str) -> str:
        """Give all that is said of a study, anywhere."""
        pages = [self.ada.get(f"/studies/{study}").text, self.ada.get(f"/studies/{study}/report").text]
        programs = [self._program("GET", f"/api/v1/studies/{study}/{what}").text for what in ("report", "report.fhir")]
        with self.app.database.reading() as session:
            studies = Wiring(self.settings, FilmStore(self.settings)).over(session).studies
            report = Reports(studies, str, self.settings).of(self.person, study, "Hill")
            film = session.scalars(select(FilmRecord.key).join(Study).where(Study.key == study)).first()
        objects = zipfile.ZipFile(io.BytesIO(self.ada.get(f"/films/{film}/results.zip").data))
        names = [str(dcmread(io.BytesIO(objects.read(name))).PatientName) for name in objects.namelist()]
        assert len(names) == 3
        return "\n".join((*pages, *programs, repr(report.facts), *(name.replace("^", " ") for name in names)))


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


@pytest.mark.parametrize("way", ["node", "stow", "api", "page", "zip"])
@pytest.mark.parametrize("order", [(ADA, BOB), (BOB, ADA)], ids=["ada", "bob"])
def test_two_persons_with_one_number_are_never_one(
    way: str, order: tuple[dict[str, str], dict[str, str]], clinic: Clinic
) -> None:
    for number, who in enumerate(order, start=1):
        clinic.send(way, film_of(number, who))
    names = [who["PatientName"].replace("^", " ") for who in order]
    assert clinic.patients() == [(names[0], "clear"), (names[1], "unclear")]
    if way == "page":  # nothing is read before the person has said who it is
        second = clinic.studies()[1]
        assert not read(clinic, second)
        clinic.ada.post(f"/patients/{clinic_patient(clinic, names[1])}/separate", page="/profile")
    for _film in clinic.app.worker.read_all():
        pass
    for study, own, other in zip(clinic.studies(), names, reversed(names), strict=True):
        said = clinic.everything_of(study)
        assert own in said and other not in said


@pytest.mark.parametrize("way", ["node", "stow"])
@pytest.mark.parametrize("identifier", ["P-1", "", "ANONYMOUS"])
def test_films_of_one_dicom_study_stay_apart_though_the_first_names_nobody(
    way: str, identifier: str, clinic: Clinic
) -> None:
    for number, who in enumerate(({}, ADA, BOB), start=1):
        own = {"StudyInstanceUID": "1.2.826.0.2", "SOPInstanceUID": f"1.2.826.0.2.{number}"}
        clinic.send(way, film_of(number, who, identifier, **own))
    assert [name for name, _identity in clinic.patients()] == ["Lovelace Ada", "Two Bob"]


@pytest.mark.parametrize("identifier", ["P-1", ""])
@pytest.mark.parametrize("face", ["api", "page"])
def test_a_film_that_is_added_is_held_to_those_that_were_added_before(
    face: str, identifier: str, clinic: Clinic, film: Callable[..., bytes]
) -> None:
    clinic.ada.upload(film(1), identifier=identifier)
    (study,) = clinic.studies()
    for number, who in enumerate((ADA, BOB), start=2):
        files = {"films": [(io.BytesIO(film_of(number, who, identifier)), "film.dcm")]}
        if face == "api":
            answer = clinic._program("POST", f"/api/v1/studies/{study}/films", data=files)
        else:
            answer = clinic.ada.post(f"/studies/{study}/films", page=f"/studies/{study}", films=files["films"])
    assert "names another patient" in (answer.json["title"] if face == "api" else answer.text)
    assert [name for name, _identity in clinic.patients()] == ["Lovelace Ada"]
    assert len(clinic._program("GET", f"/api/v1/studies/{study}").json["films"]) == 2


def test_a_dicom_study_of_two_patients_is_found_under_each_ones_name(clinic: Clinic) -> None:
    for number, (identifier, who) in enumerate((("K1", ADA), ("K2", BOB)), start=1):
        own = {"StudyInstanceUID": "1.2.826.0.2", "SOPInstanceUID": f"1.2.826.0.2.{number}"}
        clinic.send("node", film_of(number, who, identifier, **own))
    for _film in clinic.app.worker.read_all():
        pass
    for path in ("studies", "studies/1.2.826.0.2/series", "studies/1.2.826.0.2/instances"):
        found = clinic._program("GET", f"/dicom-web/{path}").json
        said = [(one["00100020"]["Value"][0], one["00100010"]["Value"][0]["Alphabetic"]) for one in found]
        assert set(said) == {("K1", "Lovelace^Ada"), ("K2", "Two^Bob")}, path
        assert said.count(("K1", "Lovelace^Ada")) == len(said) // 2
    (found,) = clinic._program("GET", "/dicom-web/studies?PatientID=K2").json
    assert found["00100010"]["Value"][0]["Alphabetic"] == "Two^Bob"


def test_a_dicom_object_mixes_no_two_patients(clinic: Clinic) -> None:
    clinic.send("node", film_of(1, ADA))
    unnumbered = film_of(2, {"PatientName": "Two^Bob"}, "")
    asked = clinic.ada.upload(unnumbered, identifier="P-1")
    bob, ada = (clinic_patient(clinic, name) for name in ("Two Bob", "Lovelace Ada"))
    clinic.ada.post(f"/patients/{bob}/same", page=asked, into=ada)
    for _film in clinic.app.worker.read_all():
        pass
    film = clinic._program("GET", f"/api/v1/studies/{clinic.studies()[1]}").json["films"][0]["key"]
    objects = zipfile.ZipFile(io.BytesIO(clinic.ada.get(f"/films/{film}/results.zip").data))
    for name in objects.namelist():
        made = dcmread(io.BytesIO(objects.read(name)))
        assert (str(made.PatientName), made.PatientSex, made.PatientBirthDate) == ("Two^Bob", "", "")


def read(clinic: Clinic, study: str) -> bool:
    with clinic.app.database.reading() as session:
        jobs = session.scalars(select(Job).join(FilmRecord).join(Study).where(Study.key == study)).all()
        return all(job.state == "done" for job in jobs)


def clinic_patient(clinic: Clinic, name: str) -> str:
    with clinic.app.database.reading() as session:
        return next(one.key for one in session.scalars(select(Patient)) if one.name == name)


def test_a_page_asks_whose_films_they_are_and_shows_both(clinic: Clinic) -> None:
    clinic.send("node", film_of(1, ADA))
    asked = clinic.ada.upload(film_of(2, BOB))
    page = clinic.ada.get(asked).text
    assert "P-1 is Lovelace Ada. Same person?" in page
    assert all(word in page for word in ("Two Bob", "1 Jan 1950", "1 May 1980", *clinic.studies()))
    bob, ada = (clinic_patient(clinic, name) for name in ("Two Bob", "Lovelace Ada"))
    answer = clinic.ada.post(f"/patients/{bob}/same", page=asked, follow=True, into=ada)
    assert "now one patient" in answer.text
    assert all(study in answer.text for study in clinic.studies())
    for _film in clinic.app.worker.read_all():
        pass
    page = clinic.ada.get(f"/studies/{clinic.studies()[1]}").text
    assert "Lovelace Ada" in page and re.search(r"own header says:\s+P-1,\s+Two Bob, Male", page)


def test_what_was_typed_for_a_picture_is_asked_about_too(clinic: Clinic, film: Callable[..., bytes]) -> None:
    clinic.ada.upload(film(1), identifier="1", name="Lovelace Ada")
    asked = clinic.ada.upload(film(2), identifier="1", name="Two Bob")
    assert "1 is Lovelace Ada. Same person?" in clinic.ada.get(asked).text
    assert "/studies/" in clinic.ada.upload(film(3), identifier="1", name="ADA LOVELACE")


def test_the_administrator_settles_it_and_takes_it_back(clinic: Clinic) -> None:
    for number, who in enumerate((ADA, BOB, BOB), start=1):
        clinic.send("node", film_of(number, who))
    bob, ada = (clinic_patient(clinic, name) for name in ("Two Bob", "Lovelace Ada"))
    assert "identity of 1 patient is unclear" in clinic.ada.get("/studies").text
    assert f"/patients/{bob}/whose" in clinic.ada.get("/patients/unclear").text
    clinic.ada.post(f"/patients/{bob}/same", page="/profile", into=ada)
    clinic.send("stow", film_of(4, BOB))
    assert clinic.ada.get(f"/patients/{bob}").status_code == 404
    page = clinic.ada.get(f"/patients/{ada}").text
    assert all(study in page for study in clinic.studies())
    assert "is unclear" not in clinic.ada.get("/studies").text

    clinic.ada.post(f"/patients/{bob}/take-back", page="/profile")
    own = clinic.ada.get(f"/patients/{bob}").text
    first, *others = clinic.studies()
    assert first not in own and all(study in own for study in others)
    assert clinic.patients() == [("Lovelace Ada", "clear"), ("Two Bob", "unclear")]

    clinic.ada.post(f"/patients/{bob}/separate", page="/profile")
    clinic.send("api", film_of(5, BOB))
    assert clinic.patients() == [("Lovelace Ada", "clear"), ("Two Bob", "separate")]
    clinic.ada.post(f"/patients/{ada}/delete", page="/profile", sure="y")
    assert clinic.patients() == [("Two Bob", "separate")]


def test_deleting_a_patient_leaves_no_record_that_was_merged_into_them(clinic: Clinic) -> None:
    for number, who in enumerate((ADA, BOB), start=1):
        clinic.send("node", film_of(number, who))
    bob, ada = (clinic_patient(clinic, name) for name in ("Two Bob", "Lovelace Ada"))
    clinic.ada.post(f"/patients/{bob}/same", page="/profile", into=ada)
    clinic.ada.post(f"/patients/{ada}/delete", page="/profile", sure="y")
    assert clinic.patients() == [] and clinic.studies() == []


def test_the_api_says_what_a_film_of_an_earlier_release_says_too(clinic: Clinic) -> None:
    clinic.send("api", film_of(1, ADA))
    with clinic.app.database.writing() as session:
        session.execute(update(FilmRecord).values(header_encrypted=None))
    (film,) = clinic._program("GET", f"/api/v1/studies/{clinic.studies()[0]}").json["films"]
    assert film["header"]["name"] == "Lovelace Ada"


def test_the_api_says_what_is_unclear_and_what_each_header_says(clinic: Clinic) -> None:
    clinic.send("api", film_of(1, ADA, IssuerOfPatientID="HILL"))
    clinic.send("api", film_of(2, BOB, IssuerOfPatientID="HILL"))
    study = clinic._program("GET", f"/api/v1/studies/{clinic.studies()[1]}").json
    assert study["identity"] == "unclear"
    header = study["films"][0]["header"]
    assert (header["name"], header["issuer"], header["differs"]) == ("Two Bob", "HILL", False)
    patient = clinic._program("GET", f"/api/v1/patients/{study['patient']}").json
    assert (patient["issuer"], patient["identity"], patient["birth_date"]) == ("HILL", "unclear", "1950-01-01")
    fhir = json.loads(clinic._program("GET", f"/api/v1/studies/{study['key']}/report.fhir").text)
    resource = fhir["entry"][0]["resource"]
    assert resource["identifier"][0]["assigner"]["display"] == "HILL"
    assert resource["meta"]["tag"][0]["code"] == "identity-unclear"
    assert "lungwise_identity_unclear_total" in clinic.ada.get("/metrics").text


@pytest.mark.parametrize("fields", [{"birth_date": "2999-01-01"}, {"birth_date": "1850-01-01"}])
def test_the_api_and_the_page_refuse_a_birth_date_that_cannot_be_right(
    fields: dict[str, Any], clinic: Clinic, film: Callable[..., bytes]
) -> None:
    data = {"films": [(io.BytesIO(film(1)), "film.jpg")], **fields}
    answer = clinic._program("POST", "/api/v1/studies", data=data)
    assert answer.status_code == 422 and "birth date" in answer.json["title"]
    page = clinic.ada.post("/studies/new", films=[(io.BytesIO(film(1)), "film.jpg")], **fields)
    assert page.status_code == 200 and "birth date cannot be right" in page.text
    assert clinic.studies() == []


def test_a_header_with_an_impossible_birth_date_is_taken_with_a_warning(clinic: Clinic) -> None:
    clinic.send("node", film_of(1, {**ADA, "PatientBirthDate": "20990101"}))
    with clinic.app.database.reading() as session:
        assert session.scalars(select(Patient)).one().birth_date is None
