"""The page of weekly numbers: for administrators, explained in every language, and to download."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from lungwise.access import Role
from lungwise.languages import LANGUAGES
from lungwise.monitoring.aggregate_words import EXPLANATIONS

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Visitor
    from lungwise.access import Person
    from lungwise.settings import Settings
    from lungwise.web_app import Lungwise


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Name what DHIS2 needs."""
    ids = {"dhis2_data_elements": "films=aBcDeFgHiJ1", "dhis2_org_units": "Hill=aBcDeFgHiJ2"}
    return settings.model_copy(update=ids)


def test_an_administrator_sees_downloads_and_understands_the_numbers(
    app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person]
) -> None:
    enrol(app, "Ada", role=Role.ADMINISTRATOR)
    ada = visit(app)
    ada.sign_in("ada@example.org")
    assert 'href="/aggregates"' in ada.get("/statistics").text
    for language in LANGUAGES:
        page = ada.get("/aggregates", headers={"Accept-Language": language}).text
        main = page[page.index("<main") : page.index("</main>")]
        assert set(re.findall(r'data-number="(\w+)"', main)) == set(re.findall(r'data-explains="(\w+)"', main))
        said = set(re.findall("<span data-sentence>(.*?)</span>", main))
        assert len(said) == len(EXPLANATIONS)
        assert language == "en" or not said & {one.sentence for one in EXPLANATIONS.values()}
        assert main.count("<tr>") == 13
    table = ada.get("/aggregates.csv?weeks=3")
    assert len(table.text.splitlines()) == 4
    values = ada.get("/aggregates.json?weeks=1").json
    assert values is not None
    assert values["dataValues"][0] == {
        "dataElement": "aBcDeFgHiJ1",
        "period": "2026W9",
        "orgUnit": "aBcDeFgHiJ2",
        "value": "0",
    }
    for weeks in ("0", "-1", "x", "9999", "²"):
        assert ada.get(f"/aggregates?weeks={weeks}").status_code == 200


def test_a_clinic_without_identifiers_is_told_what_to_set_and_doctors_see_nothing(
    app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person]
) -> None:
    enrol(app, "Eve", "Valley", Role.ADMINISTRATOR)
    enrol(app, "Dora")
    eve, dora = visit(app), visit(app)
    eve.sign_in("eve@example.org")
    dora.sign_in("dora@example.org")
    page = eve.get("/aggregates").text
    assert "Set dhis2_org_units." in page
    assert "/aggregates.json" not in page
    assert eve.get("/aggregates.json").status_code == 422
    assert {dora.get(path).status_code for path in ("/aggregates", "/aggregates.csv", "/aggregates.json")} == {404}
