"""Which studies are drawn for a check: one in so many, by a hash that nobody can foresee, whatever the film says."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from typing import TYPE_CHECKING

from lungwise.films.refusals import PHOTOGRAPH
from lungwise.patients.service import PatientFacts
from lungwise.studies.sampling import Sampling
from lungwise.studies.stored_answers import study_answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Services


def test_about_one_in_so_many_is_drawn_and_the_same_for_everybody(services: Services) -> None:
    keys = [f"{number:020x}" for number in range(2000)]
    drawn = [key for key in keys if Sampling(services.session, services.clock, 10, 3).draws(key)]
    assert 140 < len(drawn) < 260
    assert drawn == [key for key in keys if Sampling(services.session, services.clock, 10, 9).draws(key)]
    assert not any(Sampling(services.session, services.clock, None, 3).draws(key) for key in keys)


def test_a_test_is_asked_for_until_it_is_done_or_would_not_count(
    services: Services, film: Callable[..., bytes]
) -> None:
    ada = services.person()
    study = services.studies.open(ada, PatientFacts(identifier="H-1"), [("a", film(1))])
    patient = services.studies.patient(ada, study)
    everyone = Sampling(services.session, services.clock, 1, 3)
    waiting = study_answer(study, patient, UTC, is_doubted=False)
    assert not everyone.asks(study, waiting, has_result=False)
    services.read_all()
    answer = study_answer(study, patient, UTC, is_doubted=False)
    assert everyone.asks(study, answer, has_result=False)
    assert not everyone.asks(study, answer, has_result=True)
    assert not Sampling(services.session, services.clock, None, 3).asks(study, answer, has_result=False)
    for other in (replace(answer, is_child=True), replace(answer, is_unclear=True)):
        assert not everyone.asks(study, other, has_result=False)
    photographed = replace(answer, films=(replace(answer.films[0], warnings=(PHOTOGRAPH,)),))
    assert not everyone.asks(study, photographed, has_result=False)
    services.clock.forward(days=2)
    assert everyone.asks(study, answer, has_result=False)
    services.clock.forward(days=2)
    assert not everyone.asks(study, answer, has_result=False)
