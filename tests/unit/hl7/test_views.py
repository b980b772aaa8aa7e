from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING

import pytest

from hl7_peer import openmrs, pid
from lungwise.access import Person, Role
from lungwise.errors import Rejected
from lungwise.hl7.message import parse_message
from lungwise.patients.service import PatientFacts
from lungwise.store import FilmStore
from lungwise.wiring import Wiring

if TYPE_CHECKING:
    from conftest import Visitor
    from lungwise.settings import Settings
    from lungwise.web_app import Lungwise

OTHER = openmrs("A08", pid(name="Njoroge^Peter", born="19500101", sex="M"))


def failing(app: Lungwise, settings: Settings, clinic: int, data: bytes = OTHER) -> None:
    """Have a message set aside that contradicts what is known of its patient."""
    system, message = Person(None, "OPENMRS@HILL", clinic, Role.HOSPITAL_SYSTEM), parse_message(data, "UNICODE UTF-8")
    wiring = Wiring(settings, FilmStore(settings))
    with app.database.writing() as session:
        known = PatientFacts(identifier="100-8", name="Kamau Grace", birth_date=date(1981, 3, 25))
        wiring.over(session).patients.match_or_add(system, known)
        with pytest.raises(Rejected) as rejected:
            wiring.over(session).inbox.take(system, message)
    with app.database.writing() as session:
        assert wiring.over(session).inbox.set_aside(system, message, str(rejected.value))


@pytest.fixture
def ada(app: Lungwise, settings: Settings, visit: Callable[..., Visitor], enrol: Callable[..., Person]) -> Visitor:
    failing(app, settings, enrol(app, "Ada", role=Role.ADMINISTRATOR).clinic_id)
    ada = visit(app)
    ada.sign_in("ada@example.org")
    return ada


def only_message(visitor: Visitor) -> str:
    (path,) = set(re.findall(r"/hl7/\w{20}", visitor.get("/hl7").text))
    return str(path)


def test_a_message_is_looked_at_and_tried_again_once_the_patient_is_corrected(ada: Visitor) -> None:
    assert "1 HL7 message could not be applied." in ada.get("/studies").text
    assert "Njoroge" not in ada.get("/hl7").text
    path = only_message(ada)
    page = ada.get(path).text
    assert "Njoroge Peter, " in page
    assert "Kamau Grace, " in page
    again = ada.post(f"{path}/again", page=path)
    assert again.status_code == 422
    assert "another name, birth date or sex" in again.text
    patient = re.findall(r"/patients/\w{20}", page)[0]
    ada.post(f"{patient}/change", identifier="100-8", name="Njoroge", birth_date="1950-01-01")
    assert "The message is applied." in ada.post(f"{path}/again", page=path, follow=True).text
    assert "Njoroge Peter" in ada.get(patient).text
    assert ada.get(path).status_code == 404
    assert "lungwise_hl7_errors 0.0" in ada.get("/metrics").text


def test_a_message_that_is_tried_again_is_in_its_own_character_set(
    app: Lungwise, settings: Settings, enrol: Callable[..., Person], visit: Callable[..., Visitor]
) -> None:
    latin = openmrs("A08", pid(name=r"M\XFC\ller^Peter", born="19500101", sex="M"))
    data = latin.replace(b"UNICODE UTF-8", b"8859/1")
    failing(app, settings, enrol(app, "Eva", role=Role.ADMINISTRATOR).clinic_id, data)
    eva = visit(app)
    eva.sign_in("eva@example.org")
    path = only_message(eva)
    page = eva.get(path).text
    assert "Müller Peter, " in page
    patient = re.findall(r"/patients/\w{20}", page)[0]
    eva.post(f"{patient}/change", identifier="100-8", name="Müller", birth_date="1950-01-01")
    assert "The message is applied." in eva.post(f"{path}/again", page=path, follow=True).text
    assert "Müller Peter" in eva.get(patient).text


def test_a_message_is_dropped_and_who_sends_it_again_is_told_that_it_was_taken(
    app: Lungwise, settings: Settings, ada: Visitor, enrol: Callable[..., Person]
) -> None:
    path = only_message(ada)
    lies = b"".join(file.read_bytes() for file in settings.data_folder.glob("lungwise.sqlite*"))
    assert [name for name in (b"Njoroge", b"100-8", b"19500101") if name in lies] == []
    assert "lungwise_hl7_errors 1.0" in ada.get("/metrics").text
    assert "The message is dropped." in ada.post(f"{path}/drop", page=path, follow=True).text
    assert "Every message could be applied." in ada.get("/hl7").text
    clinic = enrol(app, "Bea").clinic_id
    with app.database.writing() as session:
        inbox = Wiring(settings, FilmStore(settings)).over(session).inbox
        system = Person(None, "OPENMRS@HILL", clinic, Role.HOSPITAL_SYSTEM)
        assert inbox.take(system, parse_message(OTHER, "UNICODE UTF-8")) == "known already"


def test_a_message_is_not_applied_after_a_later_one_about_the_patient(
    app: Lungwise, settings: Settings, ada: Visitor, enrol: Callable[..., Person]
) -> None:
    system = Person(None, "OPENMRS@HILL", enrol(app, "Bea").clinic_id, Role.HOSPITAL_SYSTEM)
    with app.database.writing() as session:
        inbox = Wiring(settings, FilmStore(settings)).over(session).inbox
        inbox.take(system, parse_message(openmrs("A08", pid(), control="9"), "UNICODE UTF-8"))
    path = only_message(ada)
    assert "A later message about this patient was applied" in ada.post(f"{path}/again", page=path).text
