from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest
from sqlalchemy import update

from lungwise.jobs.reading_queue import Model
from lungwise.monitoring.answer_table import answers_of
from lungwise.monitoring.weeks import last_weeks
from lungwise.patients.service import PatientFacts
from lungwise.studies.models import ReadingRecord
from lungwise.time_zones import zone_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import tzinfo

    from conftest import Services


def test_the_probability_is_the_models_whatever_the_clinic_makes_of_it(
    services: Services, film: Callable[..., bytes]
) -> None:
    ada, model = services.person(), Model(name="synthetic", version="1")
    services.studies.open(ada, PatientFacts(), [("a", film(1))])
    services.read_all()
    services.session.execute(update(ReadingRecord).values(probability=0.5, model_probability=0.125))
    found = answers_of(services.session, ada.clinic_id, model, last_weeks(services.clock().date())[0], UTC)
    assert list(found.probability) == [0.125]


@pytest.mark.parametrize("later", [5, 16, 60])
def test_who_looks_back_over_fewer_weeks_leaves_the_others_theirs(
    services: Services, film: Callable[..., bytes], later: int
) -> None:
    ada, model = services.person(), Model(name="synthetic", version="1")
    services.studies.open(ada, PatientFacts(), [("a", film(1))])
    services.read_all()
    first = last_weeks(services.clock().date())[-1]
    long_ago, newer = first - timedelta(weeks=1), first + timedelta(weeks=later)
    asked = (newer, first, newer, long_ago, first)
    found = [len(answers_of(services.session, ada.clinic_id, model, since, UTC).study) for since in asked]
    assert found == [0, 1, 0, 1, 1]


def test_new_answers_are_taken_in_and_only_the_weeks_that_are_asked_for_are_given(
    services: Services, film: Callable[..., bytes], blank: bytes
) -> None:
    ada, model = services.person(), Model(name="synthetic", version="1")
    since = last_weeks(services.clock().date())[0]
    services.studies.open(ada, PatientFacts(), [("a", film(1)), ("b", blank)])
    services.read_all()
    table = answers_of(services.session, ada.clinic_id, model, since, UTC)
    assert len(table.study) == 2
    assert len(table.read.study) == 1
    assert np.isnan(table.gate).all()  # this reader does not say it
    services.studies.open(ada, PatientFacts(), [("c", film(2))])
    services.read_all()
    assert len(answers_of(services.session, ada.clinic_id, model, since, UTC).study) == 3
    assert not len(answers_of(services.session, 99, model, since, UTC).study)
    assert not len(answers_of(services.session, ada.clinic_id, model, since + timedelta(weeks=30), UTC).study)


def test_the_weeks_are_those_of_the_zone_that_the_clinic_has_now(
    services: Services, film: Callable[..., bytes]
) -> None:
    ada, model = services.person(), Model(name="synthetic", version="1")
    services.clock.now = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)  # a Sunday; in Auckland it is Monday already
    services.studies.open(ada, PatientFacts(), [("a", film(1))])
    services.read_all()

    def weeks(since: date, zone: tzinfo) -> list[date]:
        found = answers_of(services.session, ada.clinic_id, model, since, zone).week
        return list(map(date.fromordinal, found.tolist()))

    before, after = date(2026, 2, 23), date(2026, 3, 2)
    assert (weeks(before, UTC), weeks(after, UTC)) == ([before], [])
    auckland = zone_of("Pacific/Auckland")
    assert (weeks(before, auckland), weeks(after, auckland)) == ([after], [after])
    assert weeks(before, UTC) == [before]
