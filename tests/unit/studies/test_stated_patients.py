"""Who sees only their own uploads learns of a patient what they stated themselves, wherever a patient is shown."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from conftest import film_bytes
from dicom_files import dicom_file
from lungwise.access import Person, Role
from lungwise.patients.service import Patient, PatientFacts
from lungwise.studies.models import Study
from lungwise.studies.priors import Priors
from lungwise.studies.worklist import WorklistQuery
from prior_films import add_prior
from synthetic_films import chest_words

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Services, Visitor
    from lungwise.web_app import Lungwise

KNOWN = PatientFacts(identifier="P1", name="Mary Poppins", birth_date=date(1960, 1, 2), sex="F")
SECRETS = ("Poppins", "1960", "Female")


@pytest.fixture
def hana(services: Services, film: Callable[..., bytes]) -> Person:
    """Give a health worker of a clinic that knows a patient already."""
    services.studies.open(services.person("Ada"), KNOWN, [("film.jpg", film(1))])
    return services.person("Hana", role=Role.HEALTH_WORKER)


def opened(services: Services, person: Person, seed: int, **facts: str) -> Study:
    """Open a study of a patient as somebody states them."""
    if "PatientID" in facts:
        return services.studies.open(person, PatientFacts(), [("film", dicom_file(chest_words(seed=seed), **facts))])
    return services.studies.open(person, PatientFacts.typed(facts), [("film", film_bytes(seed))])


@pytest.mark.parametrize(
    "facts",
    [
        {"identifier": "P1"},
        {"identifier": "P1", "name": "M. Poppins"},
        {"PatientID": "P1", "PatientName": "", "PatientBirthDate": "", "PatientSex": ""},
    ],
)
def test_a_number_tells_nobody_s_name_and_birth_date(services: Services, hana: Person, facts: dict[str, str]) -> None:
    study = opened(services, hana, 2, **facts)
    known = services.session.get_one(Patient, study.patient_id)
    shown = services.studies.patient(hana, study)
    assert (known.name, known.is_unclear, shown.key) == ("Mary Poppins", False, known.key)
    assert (shown.identifier, shown.name, shown.birth_date, shown.sex) == ("P1", facts.get("name", ""), None, "")
    assert services.studies.patient(services.person("Bo"), study).facts == known.facts
    (row,) = services.worklist.page(hana, WorklistQuery()).rows
    assert row.patient.facts == shown.facts
    services.session.commit()
    assert known.name == "Mary Poppins", "what is shown is kept nowhere"


def test_a_search_finds_what_was_stated_and_nothing_else(services: Services, hana: Person) -> None:
    opened(services, hana, 2, identifier="P1")
    opened(services, hana, 3, identifier="P2", name="Bert Alfred")
    found = {text: len(services.worklist.page(hana, WorklistQuery(text=text)).rows) for text in ("mary", "P1", "bert")}
    assert found == {"mary": 0, "P1": 1, "bert": 1}
    assert [services.worklist.count(hana, WorklistQuery(text=text)) for text in ("mary", "P1", "bert")] == [0, 1, 1]
    assert services.worklist.count(services.person("Bo"), WorklistQuery(text="mary")) == 2


def test_earlier_films_are_shown_to_who_stated_more_than_a_number(services: Services, hana: Person) -> None:
    priors = Priors(services.session, services.store, services.patients.records)
    first = opened(services, hana, 2, identifier="P1")
    patient = services.session.get_one(Patient, first.patient_id)
    prior = add_prior(services.session, services.store, services.clock, patient)
    assert (priors.of_patient(hana, patient), priors.shown_with(hana, prior)) == ([], [])
    second = opened(services, hana, 3, identifier="P1", name="Mary Poppins")
    assert second.patient_id == first.patient_id
    assert (priors.of_patient(hana, patient), priors.shown_with(hana, prior)) == ([prior], [second.key])


def test_a_study_of_an_earlier_release_shows_what_its_films_state(services: Services, hana: Person) -> None:
    study = opened(services, hana, 2, PatientID="P1", PatientName="Poppins^M", PatientBirthDate="")
    study.stated_encrypted = None
    services.session.flush()
    shown = services.studies.patient(hana, study)
    assert (shown.identifier, shown.name, shown.birth_date) == ("P1", "Poppins M", None)


def test_the_pages_say_what_was_stated_and_another_s_number_is_asked_about(
    app: Lungwise, ada: Visitor, visit: Callable[..., Visitor], enrol: Callable[..., Person], film: Callable[..., bytes]
) -> None:
    ada.upload(film(1), identifier="P1", name="Mary Poppins", birth_date="1960-01-02", sex="F")
    enrol(app, "Hana", role=Role.HEALTH_WORKER)
    hana = visit(app)
    hana.sign_in("hana@example.org")
    study = hana.upload(film(2), identifier="P1")
    pages = [hana.get(study).text, hana.get("/studies").text]
    assert "P1" in pages[0]
    assert [secret for secret in SECRETS for page in pages if secret in page] == []
    other = hana.get(hana.upload(film(3), identifier="P1", name="Jane Banks")).text
    assert "Jane Banks" in other and "Identity unclear" in other and "Poppins" not in other
