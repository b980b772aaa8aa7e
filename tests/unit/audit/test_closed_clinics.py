from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select

from lungwise.access import Role
from lungwise.audit.closed_clinics import CLOSED, close_clinic, is_closed, open_clinic
from lungwise.studies.models import Opinion

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Visitor
    from lungwise.access import Person
    from lungwise.web_app import Lungwise

SENTENCE = CLOSED.partition(":")[0]


def test_pages_of_a_closed_clinic_say_so_and_take_nothing(
    app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person], film: Callable[..., bytes]
) -> None:
    clinic = enrol(app, "Ada", role=Role.ADMINISTRATOR).clinic_id
    enrol(app, "Eve", "Lake")
    ada, eve = visit(app), visit(app)
    ada.sign_in("ada@example.org")
    study = ada.upload(film(1), name="Béla", identifier="7")
    with app.database.writing() as session:
        close_clinic(session, clinic, "now")
    assert SENTENCE in ada.get("/studies").text
    assert ada.get(study).status_code == 200
    answer = ada.post(f"{study}/opinions", page=study, conclusion="COVID-19")
    assert SENTENCE in answer.text
    with app.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Opinion)) == 0
    eve.sign_in("eve@example.org")
    assert SENTENCE not in eve.get("/studies").text
    assert eve.upload(film(2), name="Clara", identifier="8").startswith("/studies/")
    with app.database.writing() as session:
        open_clinic(session, clinic)
        assert not is_closed(session, clinic)
    assert SENTENCE not in ada.get("/studies").text
