from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete

from lungwise.patients.service import PatientFacts
from lungwise.studies.models import FilmRecord
from lungwise.studies.object_models import HeldFilm

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Services


def test_a_film_that_is_held_outlives_the_film_that_has_its_uid(
    either_services: Services, film: Callable[..., bytes]
) -> None:
    services, session = either_services, either_services.session
    person = services.person()
    (known,) = services.studies.open(person, PatientFacts(), [("a.jpg", film(1))]).films
    about = dict.fromkeys(("study_uid", "series_uid", "instance_uid"), "1.2.3") | {"sender": "CR1", "cause": "content"}
    held = HeldFilm(key="k" * 20, clinic_id=person.clinic_id, sha256="0" * 64, digest="0" * 64, size=1, **about)
    held.film, held.created_at = known, services.clock()
    session.add(held)
    session.commit()
    session.execute(delete(FilmRecord))
    session.refresh(held)
    assert held.film is None
