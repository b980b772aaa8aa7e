from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import update

from lungwise.access import PEOPLE, Role
from lungwise.languages import LANGUAGES
from lungwise.studies.models import Study, StudyStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Visitor
    from lungwise.access import Person
    from lungwise.web_app import Lungwise

LINKED = ("uncertain", "refused", "photograph")
"""The sections that other pages link to, whoever reads them."""


def content(page: str) -> str:
    return page[page.index("<main") : page.index("</main>")]


@pytest.mark.parametrize("role", PEOPLE)
def test_each_role_has_its_page_with_all_that_other_pages_link_to(
    role: Role, app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person]
) -> None:
    enrol(app, "Ada", role=role)
    ada = visit(app)
    ada.sign_in("ada@example.org")
    own = ada.get("/help").text
    assert content(own) == content(ada.get(f"/help/{role}").text)
    assert re.search(rf'<a href="/help/{role}" aria-current="page">', own)
    assert [section for section in LINKED if f'<section id="{section}">' not in own] == []
    assert ('<section id="clinic">' in own) is (role is Role.ADMINISTRATOR)
    assert ('<section id="conclusion">' in own) is (role is not Role.HEALTH_WORKER)


def test_pages_on_the_model_in_the_clinic_link_to_their_own_section(
    app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person]
) -> None:
    pages = {"/local-accuracy": "results", "/local-accuracy/thresholds": "thresholds"}
    of_administrators = {"/drift": "watch", "/second-model": "second-model", "/aggregates": "programme"}
    for role, of_role in ((Role.DOCTOR, pages), (Role.ADMINISTRATOR, pages | of_administrators)):
        enrol(app, role.value, role=role)
        visitor = visit(app)
        visitor.sign_in(f"{role.value}@example.org")
        own = visitor.get("/help").text
        for page, section in of_role.items():
            assert f'<a href="/help#{section}">' in visitor.get(page).text
            assert f'<section id="{section}">' in own
            assert f'href="{page}"' in content(own)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_pages_speak_every_language(
    language: str, app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person]
) -> None:
    enrol(app, "Ada")
    ada = visit(app)
    ada.sign_in("ada@example.org")
    ada.post("/profile", name="Ada", language=language)
    questions = {"en": "What does uncertain", "es": "¿Qué significa", "fr": "Que signifie", "hi": "“अनिश्चित” का"}
    for role in PEOPLE:
        page = ada.get(f"/help/{role}").text
        assert questions[language] in page
        assert "%(" not in page


def test_help_is_linked_from_where_it_is_needed(
    app: Lungwise,
    visit: Callable[..., Visitor],
    enrol: Callable[..., Person],
    film: Callable[..., bytes],
    blank: bytes,
) -> None:
    enrol(app, "Ada")
    ada = visit(app)
    assert ada.get("/help").status_code == 302
    ada.sign_in("ada@example.org")
    assert '<a href="/help">Help</a>' in ada.get("/studies").text
    assert '<a href="/help#photograph"' in ada.get("/studies/new").text
    assert '<a href="/help#refused">Why was my film refused?</a>' in ada.get(ada.upload(blank)).text
    study = ada.upload(film(1, 8))
    ada.get(study)
    with app.database.writing() as session:
        session.execute(update(Study).where(Study.key == study.rsplit("/", 1)[1]).values(status=StudyStatus.UNCERTAIN))
    assert '<a href="/help#uncertain">What does uncertain mean?</a>' in ada.get(study).text
    assert ada.get("/help/node").status_code == 404
    assert ada.get("/help/nobody").status_code == 404
