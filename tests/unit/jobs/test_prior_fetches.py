from __future__ import annotations

from typing import TYPE_CHECKING

from lungwise.jobs.prior_fetches import PriorFetches
from queued_results import queued_study

if TYPE_CHECKING:
    from conftest import Services


def test_a_patients_films_are_fetched_once_in_half_a_day(services: Services) -> None:
    study = queued_study(services, services.person(), [], StudyInstanceUID="1.2.3", PatientID="7")
    fetches = PriorFetches(services.session, services.clock, study.clinic_id)
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


def test_a_patient_is_left_to_the_node_of_their_clinic_until_it_is_plain_that_there_is_none(
    either_services: Services,
) -> None:
    services = either_services
    study = queued_study(services, services.person(), [], StudyInstanceUID="1.2.3", PatientID="7")
    dale = services.person("Otto", "Dale").clinic_id
    own, other = (PriorFetches(services.session, services.clock, clinic) for clinic in (study.clinic_id, dale))
    own.queue(study.patient_id)
    services.clock.forward(seconds=2)
    assert (own.any_due(), other.any_due()) == (True, False)
    services.clock.forward(days=1)
    assert other.claim() is not None
