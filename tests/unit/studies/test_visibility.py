from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import select

from lungwise.access import NOBODY, Person, Role
from lungwise.patients.service import PatientFacts
from lungwise.studies.models import Study
from lungwise.studies.visibility import is_visible_to, visible_to

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Services


def seen(services: Services, person: Person) -> list[str]:
    studies = list(services.session.scalars(select(Study).where(visible_to(person)).order_by(Study.id)))
    assert studies == [one for one in services.session.scalars(select(Study)) if is_visible_to(person, one)]
    return [study.key for study in studies]


def test_who_only_uploads_sees_what_they_uploaded_and_others_see_their_clinics(
    services: Services, film: Callable[..., bytes]
) -> None:
    doctor, worker = services.person("Ada"), services.person("Hana", role=Role.HEALTH_WORKER)
    stranger = services.person("Bo", "Valley")
    first = services.studies.open(doctor, PatientFacts(identifier="1"), [("film.jpg", film(1))]).key
    second = services.studies.open(worker, PatientFacts(identifier="2"), [("film.jpg", film(2))]).key
    assert seen(services, doctor) == [first, second]
    assert seen(services, worker) == [second]
    assert seen(services, stranger) == seen(services, NOBODY) == []
    node = replace(worker, id=None)
    assert seen(services, node) == []
