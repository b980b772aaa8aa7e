"""A film's results without any study: for the tests of what is made of them."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np

from lungwise.films import Refusal
from lungwise.reading.reading import Normal, Reading, Verdict
from lungwise.results.result import FilmResult
from lungwise.results.study_header import StudyFacts

MADE_AT = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
FACTS = StudyFacts(
    study_uid="2.25.1",
    series_uid="2.25.2",
    film_uid="2.25.3",
    patient_id="L-17",
    patient_name="Asha Rao",
    sex="F",
    birth_date=date(1980, 2, 3),
    made_at=MADE_AT,
)
"""Of a film that came as a picture."""
READING = Reading(
    probability=0.93,
    verdict=Verdict.POSITIVE,
    appearance={},
    findings={"normal": 0.02, "COVID-19": 0.93},
    normal=Normal(probability=0.02, called=False),
    pattern="COVID-19",
    raised=("COVID-19",),
    heat_map=np.linspace(0, 1, 289, dtype=np.float32).reshape(17, 17),
    quarter_turns=0,
    model="inception_v3",
    version="1.0.0",
)
READ = FilmResult(outcome=READING, model="inception_v3", version="1.0.0", made_at=MADE_AT)
REFUSED = FilmResult(outcome=Refusal("blank"), model="inception_v3", version="1.0.0", made_at=MADE_AT)
