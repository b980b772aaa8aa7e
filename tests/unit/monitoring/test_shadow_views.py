"""The page on a second model."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sqlalchemy import select

from lungwise.access import Role
from lungwise.languages import LANGUAGES
from lungwise.monitoring.film_table import FINDINGS
from lungwise.monitoring.models import ShadowModel, ShadowReading
from lungwise.monitoring.shadow_words import EXPLANATIONS
from lungwise.studies.models import FilmRecord
from watched import RIGHT, WRONG, open_studies, verify

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

    from conftest import Clock, Visitor
    from lungwise.access import Person
    from lungwise.web_app import Lungwise


def fill(session: Session, person: Person, clock: Clock) -> None:
    open_studies(session, person, 10, clock())
    verify(session, person, [RIGHT] * 6 + [WRONG] * 4)
    thresholds = {finding: [0.2, 0.7] for finding in FINDINGS}
    session.add(ShadowModel(id=1, sha256="c" * 64, name="m", version="9", thresholds=thresholds, created_at=clock()))
    session.flush()
    for film in session.scalars(select(FilmRecord.id)):
        said = dict.fromkeys(thresholds, 0.0) | {"COVID-19": 0.5}
        session.add(ShadowReading(film_id=film, shadow_id=1, findings=said, created_at=clock()))


def test_an_administrator_compares_a_second_model_and_a_doctor_sees_nothing_of_it(
    app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person], clock: Clock
) -> None:
    person = enrol(app, "Ada", role=Role.ADMINISTRATOR)
    enrol(app, "Dora")
    ada, dora = visit(app), visit(app)
    ada.sign_in("ada@example.org")
    dora.sign_in("dora@example.org")
    assert "lungwise jobs shadow FOLDER" in ada.get("/second-model").text
    assert 'href="/second-model"' in ada.get("/drift").text
    with app.database.session(writes=True) as session:
        fill(session, person, clock)
        session.commit()
    assert dora.get("/second-model").status_code == 404
    for language in LANGUAGES:
        page = ada.get("/second-model", headers={"Accept-Language": language}).text
        main = page[page.index("<main") : page.index("</main>")]
        said = set(re.findall(r'data-explains="(\w+)"', main))
        assert set(re.findall(r'data-number="(\w+)"', main)) == said == set(EXPLANATIONS)
        assert main.count("/small.jpg") == 10
        assert "m 9" in main
