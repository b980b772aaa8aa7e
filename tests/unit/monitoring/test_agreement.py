from __future__ import annotations

from datetime import UTC, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from lungwise.monitoring.agreement import Agreement, agreements, share_of_studies
from lungwise.monitoring.share import Share
from lungwise.monitoring.weeks import last_weeks
from lungwise.patients.service import PatientFacts
from lungwise.studies.diagnosis import Diagnosis
from lungwise.studies.models import ReadingRecord
from lungwise.studies.service import Conclusion

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Services
    from lungwise.access import Person
    from lungwise.studies.models import Study


def positive_study(services: Services, person: Person, film: bytes) -> Study:
    study = services.studies.open(person, PatientFacts(), [("a", film)])
    services.read_all()
    assert study.status == "positive"
    return study


def conclude(services: Services, person: Person, study: Study, conclusion: Diagnosis | None, note: str = "") -> None:
    services.clock.forward(minutes=1)
    services.studies.conclude(person, study.key, Conclusion(conclusion=conclusion, note=note))
    services.session.commit()


def read_again(services: Services, study: Study, verdict: str) -> None:
    services.clock.forward(minutes=1)
    later = ReadingRecord(film_id=study.films[0].id, model="synthetic", version="2", created_at=services.clock())
    later.probability, later.verdict, later.appearance, later.findings = 0.1, verdict, {}, {}
    services.session.add(later)
    study.status = verdict
    services.session.commit()


def test_a_line_of_all_doctors_comes_before_those_of_each() -> None:
    lines = [Agreement(doctor=name, model="m 1", share=Share(count=1, total=2)) for name in ("Ada", "")]
    assert sorted(line.doctor for line in lines)[0] == ""


def test_a_study_counts_once_by_its_newest_conclusion_and_the_verdict_of_that_time(
    either_services: Services, film: Callable[..., bytes]
) -> None:
    services, ada = either_services, either_services.person()
    since = last_weeks(services.clock().date())[0]
    studies = [positive_study(services, ada, film(seed, 8)) for seed in range(3)]

    def share() -> tuple[int, int]:
        found = share_of_studies(services.session, ada.clinic_id, since, UTC)
        return found.count, found.total

    assert share() == (0, 0)
    for study in studies:
        conclude(services, ada, study, Diagnosis.COVID_19)
    assert share() == (3, 3)
    conclude(services, services.person("Ben"), studies[0], Diagnosis.NORMAL)
    assert share() == (2, 3)
    conclude(services, ada, studies[0], None, "a note alone")
    assert share() == (2, 3)
    for study in studies[:2]:
        read_again(services, study, "negative")
    assert share() == (2, 3)  # what came after a conclusion says nothing of it
    conclude(services, ada, studies[2], Diagnosis.UNCERTAIN)
    assert share() == (1, 2)
    conclude(services, ada, studies[1], Diagnosis.COVID_19, "once more")
    assert share() == (0, 2)


def test_the_weeks_are_those_of_the_zone_that_the_clinic_has_now(
    services: Services, film: Callable[..., bytes]
) -> None:
    ada, lima = services.person(), ZoneInfo("America/Lima")
    study = positive_study(services, ada, film(1, 8))
    conclude(services, ada, study, Diagnosis.COVID_19)
    assert len(agreements(services.session, ada, study.week, UTC)) == 2
    study.week -= timedelta(weeks=1)  # as `correct_weeks` does for another zone
    services.session.commit()
    assert agreements(services.session, ada, study.week + timedelta(weeks=1), lima) == []
