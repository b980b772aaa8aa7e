"""A verdict says on its pages what it is worth at the prevalence that is set."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from lungwise.reading.artefact import shipped_card
from lungwise.reading.prevalence import PredictiveValue
from lungwise.studies.wording import predictive_value
from lungwise.web_app import create_app

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Clock, Visitor
    from lungwise.access import Person
    from lungwise.films import Film
    from lungwise.reading.reading import Reading
    from lungwise.settings import Settings
    from synthetic_reader import SyntheticReader

CARD = shipped_card()


class Shipped:
    """Reads drawn films, under the shipped model's name."""

    model, version = CARD.name, CARD.version

    def __init__(self, reader: SyntheticReader) -> None:
        self.reader = reader

    def read(self, film: Film) -> Reading:
        return replace(self.reader.read(film), model=self.model, version=self.version)


@pytest.mark.parametrize("prevalence", [0.05, 0.5])
def test_a_positive_verdict_says_how_many_of_its_kind_are_right(
    prevalence: float,
    settings: Settings,
    migrate: Callable[[Settings], None],
    enrol: Callable[..., Person],
    visit: Callable[..., Visitor],
    film: Callable[..., bytes],
    clock: Clock,
    synthetic_reader: type[SyntheticReader],
) -> None:
    settings = settings.model_copy(update={"prevalence": prevalence})
    migrate(settings)
    app = create_app(settings, lambda: Shipped(synthetic_reader()), clock)
    enrol(app, "Ada")
    ada = visit(app)
    ada.sign_in("ada@example.org")
    study = ada.upload(film(1, 8))
    list(app.worker.read_all())
    right = PredictiveValue(CARD, prevalence).of("positive", CARD.name, CARD.version)
    for page in (study, f"{study}/report"):
        text = ada.get(page).text
        assert predictive_value(str, "positive", prevalence, right) in text
    app.database.close()
