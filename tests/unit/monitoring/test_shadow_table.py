from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import select

from lungwise.monitoring.film_table import FINDINGS
from lungwise.monitoring.models import ShadowModel, ShadowReading
from lungwise.monitoring.shadow_table import shadow_answers
from lungwise.studies.models import FilmRecord
from watched import RIGHT, open_studies, verify

if TYPE_CHECKING:
    from conftest import Services


def test_what_is_new_is_taken_in_and_of_another_clinic_or_model_nothing(either_services: Services) -> None:
    services = either_services
    ada, eve = services.person(), services.person("Eve", "Valley")
    for person in (ada, eve):
        open_studies(services.session, person, 3, services.clock())
        verify(services.session, person, [RIGHT] * 3)
    at, limits = services.clock(), {name: [0.2, 0.7] for name in FINDINGS}
    for n in (1, 2):
        services.session.add(
            ShadowModel(id=n, sha256=f"{n}" * 64, name="m", version=f"{n}", thresholds=limits, created_at=at)
        )
    services.session.flush()
    films = services.session.scalars(select(FilmRecord.id).order_by(FilmRecord.id)).all()

    def say(film: int, shadow: int, score: float | None) -> None:
        said = {} if score is None else dict.fromkeys(FINDINGS, score)
        services.session.add(ShadowReading(film_id=film, shadow_id=shadow, findings=said, created_at=at))
        services.session.commit()

    say(films[2], 1, 0.5)
    say(films[0], 1, None)
    say(films[3], 1, 0.7)  # of the other clinic
    say(films[0], 2, 0.9)
    found, score = shadow_answers(services.session, ada.clinic_id, 1)
    assert list(found) == [films[0], films[2]]
    assert np.isnan(score[0]).all() and list(score[1]) == [0.5] * len(FINDINGS)
    say(films[1], 1, 0.6)
    found, score = shadow_answers(services.session, ada.clinic_id, 1)
    assert list(found) == films[:3]
    assert score[1, 0] == 0.6
    assert list(shadow_answers(services.session, eve.clinic_id, 1)[0]) == [films[3]]
