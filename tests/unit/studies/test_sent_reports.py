from __future__ import annotations

from typing import TYPE_CHECKING

from lungwise.patients.service import PatientFacts
from lungwise.studies.sent_reports import ReportVersion, SentReport, SentReports

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Services


def version(number: int, study: str = "1.2") -> ReportVersion:
    return ReportVersion(study_uid=study, series_uid="1.2.3", instance_uid=f"1.2.3.{number}")


def test_the_versions_of_a_report_are_kept_once_each_and_go_with_their_study(
    services: Services, film: Callable[..., bytes]
) -> None:
    person = services.person()
    study = services.studies.open(person, PatientFacts(), [("a", film(1))])
    kept = SentReports(services.session, services.clock)
    for number in (1, 2, 1):
        kept.keep(study.id, version(number))
    kept.keep(study.id, version(3, "1.9"))
    assert kept.of(study.id, "1.2") == [version(2), version(1)]
    assert kept.of(study.id, "1.9") == [version(3, "1.9")] and kept.of(study.id + 1, "1.2") == []
    services.studies.delete(person, study.key)
    services.session.commit()
    assert services.session.query(SentReport).count() == 0
