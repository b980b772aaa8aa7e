from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lungwise.dicomweb.app import PREFIX as DICOMWEB

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Visitor
    from lungwise.access import Person
    from lungwise.web_app import Lungwise


def test_before_there_is_an_account_every_page_leads_to_the_first_start(
    app: Lungwise, visit: Callable[..., Visitor]
) -> None:
    assert visit(app).get("/studies").headers["Location"] == "/welcome"


@pytest.mark.parametrize("path", ["/studies", "/nothing", "/audit"])
def test_without_signing_in_pages_lead_there_and_programs_are_refused(
    path: str, app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person]
) -> None:
    enrol(app, "Ada")
    assert visit(app).get(path).headers["Location"] == "/sign-in"
    assert visit(app).get(path, headers={"Accept": "application/json"}).status_code == 401


def test_a_files_address_changes_with_the_file(app: Lungwise, visit: Callable[..., Visitor]) -> None:
    assert "/static/style.css?v=" in visit(app).get("/welcome").text


def test_api_and_dicomweb_stand_beside_the_pages(app: Lungwise, visit: Callable[..., Visitor]) -> None:
    assert visit(app).get("/api/v1/studies").status_code == 401
    assert visit(app).get(f"{DICOMWEB}/studies").status_code == 401
