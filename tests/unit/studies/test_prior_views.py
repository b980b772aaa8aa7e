from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lungwise.audit.models import AuditEntry
from lungwise.patients.service import Patient
from lungwise.store import FilmStore, utc_now
from lungwise.studies.models import Study
from prior_films import add_prior

if TYPE_CHECKING:
    from conftest import Visitor
    from lungwise.access import Person
    from lungwise.settings import Settings
    from lungwise.web_app import Lungwise


def test_an_earlier_film_is_shown_beside_the_study_and_in_no_list_of_studies(
    app: Lungwise,
    settings: Settings,
    visit: Callable[..., Visitor],
    enrol: Callable[..., Person],
    film: Callable[..., bytes],
) -> None:
    enrol(app, "Ada")
    ada = visit(app)
    ada.sign_in("ada@example.org")
    ada.upload(film(1))
    with app.database.writing() as session:
        study = session.query(Study).one()
        patient = session.get_one(Patient, study.patient_id)
        prior = add_prior(session, FilmStore(settings), utc_now, patient)
        study_key, prior_key = study.key, prior.key
    address = f"/studies/{study_key}/earlier/{prior_key}"
    assert address in ada.get(f"/studies/{study_key}").text
    assert "Lungwise has not read it" in ada.get(address).text
    assert ada.get(f"/studies/{study_key}/earlier/nothing").status_code == 404
    for picture in ("picture", "thumbnail"):
        assert ada.get(f"/earlier-films/{prior_key}/{picture}.jpg").data.startswith(b"\xff\xd8")
    enrol(app, "Eve", clinic="Valley")
    eve = visit(app)
    eve.sign_in("eve@example.org")
    assert eve.get(f"/earlier-films/{prior_key}/picture.jpg").status_code == 404
    assert eve.get(address).status_code == 404


def test_who_looks_at_an_earlier_film_is_in_the_trail(
    app: Lungwise, settings: Settings, ada: Visitor, film: Callable[..., bytes]
) -> None:
    ada.upload(film(1))
    with app.database.writing() as session:
        study = session.query(Study).one()
        prior = add_prior(session, FilmStore(settings), utc_now, session.get_one(Patient, study.patient_id))
        study_key, prior_key = study.key, prior.key

    def seen() -> list[tuple[str, str]]:
        with app.database.reading() as session:
            entries = session.query(AuditEntry).filter_by(action="saw").order_by(AuditEntry.id)
            return [(entry.subject, entry.subject_key) for entry in entries]

    for picture in ("picture", "thumbnail"):
        ada.get(f"/earlier-films/{prior_key}/{picture}.jpg")
    assert seen() == [("film", prior_key)]
    ada.get(f"/studies/{study_key}/earlier/{prior_key}")
    assert seen() == [("film", prior_key), ("study", study_key), ("film", prior_key)]


def test_a_study_s_page_is_the_entry_of_its_patient_s_earlier_films(
    app: Lungwise, settings: Settings, ada: Visitor, film: Callable[..., bytes]
) -> None:
    ada.upload(film(1))
    with app.database.writing() as session:
        study = session.query(Study).one()
        prior = add_prior(session, FilmStore(settings), utc_now, session.get_one(Patient, study.patient_id))
        study_key, prior_key = study.key, prior.key
    ada.get(f"/studies/{study_key}")
    ada.get(f"/earlier-films/{prior_key}/thumbnail.jpg")
    with app.database.reading() as session:
        assert [entry.subject for entry in session.query(AuditEntry).filter_by(action="saw")] == ["study"]
