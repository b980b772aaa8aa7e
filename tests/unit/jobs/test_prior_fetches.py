from __future__ import annotations

from typing import TYPE_CHECKING

from lungwise.jobs.prior_fetches import PriorFetches
from queued_results import queued_study

if TYPE_CHECKING:
    from conftest import Services


def test_a_patients_films_are_fetched_once_in_half_a_day(services: Services) -> None:
    study = queued_study(services, services.person(), [], StudyInstanceUID="1.2.3", PatientID="7")
    fetches = PriorFetches(services.session, services.clock)
    fetches.queue(study.patient_id)
    fetches.queue(study.patient_id)
    services.clock.forward(seconds=2)
    claimed = fetches.claim()
    assert claimed is not None and fetches.claim() is None
    assert (claimed.facts.identifier, claimed.known_studies) == ("7", frozenset({"1.2.3"}))
    assert fetches.is_wanted(study.patient_id)
    fetches.finish(claimed)
    assert not fetches.is_wanted(study.patient_id)
    fetches.queue(study.patient_id)
    assert not fetches.is_wanted(study.patient_id)
    services.clock.forward(hours=13)
    fetches.queue(study.patient_id)
    assert fetches.is_wanted(study.patient_id)
