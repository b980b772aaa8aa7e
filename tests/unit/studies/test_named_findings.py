from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC
from typing import TYPE_CHECKING

import pytest

from lungwise.films import open_film
from lungwise.jobs.reading_queue import Jobs, Model
from lungwise.monitoring.aggregates import Aggregates
from lungwise.patients.service import PatientFacts
from lungwise.reading.pattern import normal_of, pattern_of, raised
from lungwise.reading.reading import Normal, Verdict
from lungwise.studies.named_findings import names_in, stored_names, values_with
from lungwise.studies.worklist import WorklistQuery

if TYPE_CHECKING:
    from conftest import Services
    from lungwise.reading.reading import Reading
    from synthetic_reader import SyntheticReader

LIMITS = {"normal": 0.5, "tuberculosis": 0.3, "other pneumonia": 0.5}


@pytest.mark.parametrize("names", [[], ["tuberculosis"], ["tuberculosis", "COVID-19"]])
def test_what_is_stored_is_read_again_in_one_order(names: list[str]) -> None:
    assert names_in(stored_names(names)) == sorted(names)
    assert stored_names(names) == stored_names(names[::-1])


def test_a_finding_of_an_unknown_model_and_a_normal_film_are_not_kept() -> None:
    assert stored_names(["normal", "effusion", "tuberculosis"]) == "tuberculosis"


def test_every_value_that_names_a_finding_is_sought_and_no_other() -> None:
    values = values_with("tuberculosis")
    assert len(values) == len(set(values)) == 4
    assert all("tuberculosis" in names_in(value) for value in values)
    assert stored_names(["COVID-19", "other pneumonia", "tuberculosis"]) in values


def saying(read: Reading, verdict: Verdict, **findings: float) -> Reading:
    """Let a reading say something else."""
    said = {"normal": 0.0, "COVID-19": 0.0, "other pneumonia": 0.0, "tuberculosis": 0.0}
    said |= {name.replace("_", " ").replace("covid", "COVID-19"): share for name, share in findings.items()}
    normal: Normal = normal_of(said, LIMITS)
    return replace(
        read,
        findings=said,
        verdict=verdict,
        probability=said["COVID-19"],
        normal=normal,
        pattern=pattern_of(said, verdict, LIMITS),
        raised=raised(said, verdict, LIMITS),
    )


def test_whatever_a_headline_names_is_found_in_the_list_counted_and_urgent(
    either_services: Services, film: Callable[..., bytes], synthetic_reader: type[SyntheticReader]
) -> None:
    services, ada = either_services, either_services.person()
    read = synthetic_reader().read(open_film(film(1)))
    said = {
        "A": saying(read, Verdict.NEGATIVE, other_pneumonia=0.62, tuberculosis=0.6, normal=0.02),
        "B": saying(read, Verdict.POSITIVE, covid=0.97, tuberculosis=0.95),
        "C": saying(read, Verdict.NEGATIVE, normal=0.6, tuberculosis=0.31),
        "D": saying(read, Verdict.NEGATIVE, normal=0.9),
        "E": saying(read, Verdict.NEGATIVE, normal=0.1, other_pneumonia=0.8),
    }
    for number, name in enumerate(said):
        services.studies.open(ada, PatientFacts(identifier=name), [(name, film(number))])
        services.session.commit()
        jobs = Jobs(services.session, services.clock, 30)
        (claim,) = jobs.claim(Model(name="synthetic", version="1"))
        jobs.finish({claim: said[name]})
        services.session.commit()

    def listed(finding: str) -> set[str]:
        rows = services.worklist.page(ada, WorklistQuery(finding=finding)).rows
        assert services.worklist.count(ada, WorklistQuery(finding=finding)) == len(rows)
        return {row.patient.identifier for row in rows}

    assert listed("tuberculosis") == {"A", "B", "C"}
    assert listed("COVID-19") == {"B"}
    assert listed("other pneumonia") == {"A", "E"}
    urgencies = {row.patient.identifier: row.study.urgency for row in services.worklist.page(ada, WorklistQuery()).rows}
    assert {name for name, urgency in urgencies.items() if urgency >= 3} == {"A", "B", "C"}
    services.clock.forward(days=7)
    (week,) = Aggregates(services.session, services.clock, lambda _clinic: UTC).of(ada, 1)
    assert (week.covid_positives, week.tuberculosis_positives) == (1, 3)
