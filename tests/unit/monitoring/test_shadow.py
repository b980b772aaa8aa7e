from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select, update

from lungwise.access import Role
from lungwise.errors import NotFound
from lungwise.monitoring.film_table import FINDINGS
from lungwise.monitoring.local_films import ClinicFilms
from lungwise.monitoring.models import ShadowModel, ShadowReading
from lungwise.monitoring.shadow import Beside, Shadows
from lungwise.reading.artefact import Thresholds
from lungwise.reading.pattern import COVID
from lungwise.studies.models import FilmRecord, ReferenceResult, Study
from watched import MODEL, RIGHT, WRONG, open_studies, verify

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from conftest import Services
    from lungwise.access import Person

BOTH = Thresholds(lower=0.2, upper=0.7)


def add_shadow(session: Session, services: Services, scores: list[float | None]) -> None:
    """Let a second model have answered the first films; None is a refusal."""
    thresholds = {finding: [0.2, 0.7] for finding in FINDINGS}
    at = services.clock()
    shadow = ShadowModel(sha256="b" * 64, name="second", version="2", thresholds=thresholds, created_at=at)
    session.add(shadow)
    session.flush()
    films = session.scalars(select(FilmRecord.id).order_by(FilmRecord.id)).all()
    for film, score in zip(films, scores, strict=False):
        said = {} if score is None else dict.fromkeys(thresholds, 0.0) | {COVID: score}
        code = "lateral-view" if score is None else None
        session.add(ShadowReading(film_id=film, shadow_id=shadow.id, findings=said, refusal_code=code, created_at=at))
    session.commit()


def newest(services: Services, person: Person) -> Beside | None:
    films = ClinicFilms(services.session, 3)
    return Shadows(services.session, films, lambda _clinic, _finding: BOTH).newest(person)


def test_the_two_models_are_compared_on_the_films_that_both_have_read(either_services: Services) -> None:
    services, ada = either_services, either_services.person()
    assert newest(services, ada) is None
    open_studies(services.session, ada, 20, services.clock())
    verify(services.session, ada, [RIGHT] * 6 + [WRONG] * 4)
    assert newest(services, ada) is None
    add_shadow(services.session, services, [0.9] * 4 + [0.1, None] + [0.9, 0.5])
    found = newest(services, ada)
    assert found is not None
    assert (found.used, found.shadow) == (MODEL, "second 2")
    assert (found.films, found.both, found.refused) == (10, 7, 1)
    assert found.levels == {(2, 2): 4, (2, 0): 1, (0, 2): 1, (0, 1): 1}
    covid = found.comparisons[0]
    assert covid.flipped == 3
    assert covid.used.positives == covid.shadow.positives == 7
    assert covid.used.sensitivity is not None and covid.shadow.sensitivity is not None
    assert covid.used.sensitivity.value == pytest.approx(5 / 7)
    assert covid.shadow.sensitivity.value == pytest.approx(6 / 7)
    flips = [(one.finding, one.used_level, one.shadow_level) for one in found.flips if one.finding == COVID]
    assert flips == [(COVID, 0, 1), (COVID, 0, 2), (COVID, 2, 0)]
    assert found.flips[0].shadow == 0.5


def test_each_model_is_judged_by_the_film_that_leads_by_its_own_scores(services: Services) -> None:
    ada = services.person()
    open_studies(services.session, ada, 4, services.clock())
    studies = services.session.scalars(select(Study).order_by(Study.id)).all()
    for first, second in (studies[:2], studies[2:]):
        second.patient_id, second.created_at = first.patient_id, first.created_at
    services.session.flush()
    verify(services.session, ada, [RIGHT, WRONG] * 2)
    add_shadow(services.session, services, [0.01, 0.97] * 2)
    found = newest(services, ada)
    assert found is not None
    covid = found.comparisons[0]
    assert covid.used.positives == covid.shadow.positives == 2
    assert covid.used.sensitivity is not None and covid.shadow.sensitivity is not None
    assert covid.used.sensitivity.value == covid.shadow.sensitivity.value == 1


def test_the_area_under_the_curve_is_that_of_each_model_on_the_same_films(services: Services) -> None:
    ada = services.person()
    open_studies(services.session, ada, 8, services.clock())
    verify(services.session, ada, [RIGHT] * 6 + [WRONG] * 2)
    ill = ReferenceResult.id <= 4
    services.session.execute(update(ReferenceResult).where(~ill).values(result="negative"))
    add_shadow(services.session, services, [*[0.9] * 4, *[0.1] * 4])
    found = newest(services, ada)
    assert found is not None
    used, shadow = found.comparisons[0].used.auc, found.comparisons[0].shadow.auc
    assert used is not None and shadow is not None
    assert (used.value, shadow.value, used.films) == (0.75, 1.0, 8)
    assert used.lower < used.value < used.upper
    assert found.comparisons[1].used.auc is None  # nobody was tested for tuberculosis


def test_a_clinic_sees_its_own_films_alone_and_only_administrators_do(services: Services) -> None:
    ada, eve = services.person(), services.person("Eve", "Valley")
    for person in (ada, eve):
        open_studies(services.session, person, 3, services.clock())
    verify(services.session, ada, [RIGHT] * 3)
    verify(services.session, eve, [RIGHT] * 2)
    add_shadow(services.session, services, [0.1] * 5)
    for person, films in ((ada, 3), (eve, 2)):
        found = newest(services, person)
        assert found is not None
        assert (found.both, found.levels) == (films, {(2, 0): films})
    with pytest.raises(NotFound):
        newest(services, services.person("Dora", role=Role.DOCTOR))
