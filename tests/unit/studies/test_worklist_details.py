from __future__ import annotations

from typing import TYPE_CHECKING

from lungwise.patients.service import PatientFacts
from lungwise.studies.worklist import WorklistQuery
from lungwise.studies.worklist_details import WorklistDetails
from plans import statements

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Services


def test_a_line_has_its_first_film_and_who_sent_it(services: Services, film: Callable[..., bytes]) -> None:
    person = services.person()
    study = services.studies.open(person, PatientFacts(), [("a.jpg", film(1)), ("b.jpg", film(2))])
    details = WorklistDetails(services.session, lambda _person, ids: dict.fromkeys(ids, "Ada"))
    rows = services.worklist.page(person, WorklistQuery()).rows
    (line,) = details.of(person, rows).values()
    assert (line.film, line.films, line.sender, line.results) == (study.films[0].key, 2, "Ada", {})
    assert details.of(person, []) == {}


def test_all_lines_are_looked_up_at_once(services: Services, film: Callable[..., bytes]) -> None:
    person = services.person()
    for seed in range(5):
        services.studies.open(person, PatientFacts(), [("a.jpg", film(seed))])
    details = WorklistDetails(services.session, lambda _person, _ids: {})
    rows = services.worklist.page(person, WorklistQuery()).rows
    assert len(statements(services.session, lambda: details.of(person, rows))) == 2
