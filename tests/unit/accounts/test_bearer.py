from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from lungwise.accounts.tokens import Scope, Tokens
from lungwise.audit.actions import Action
from lungwise.audit.models import AuditEntry
from lungwise.audit.service import AuditTrail

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Clock, Visitor
    from lungwise.access import Person
    from lungwise.web_app import Lungwise


@pytest.fixture
def token(app: Lungwise, clock: Clock, enrol: Callable[..., Person]) -> str:
    """Make a token for a day."""
    ada = enrol(app, "Ada")
    with app.database.writing() as session:
        return Tokens(session, clock, AuditTrail(session, clock)).add(ada, "script", [Scope.SEE], 1)[1]


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer lw_unknown", "Basic YWRhOng="])
def test_without_a_valid_token_the_api_answers_nothing(
    header: str, app: Lungwise, visit: Callable[..., Visitor]
) -> None:
    answer = visit(app).get("/api/v1/studies", headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_token_is_good_until_it_expires_and_its_use_is_recorded_once(
    token: str, app: Lungwise, visit: Callable[..., Visitor], clock: Clock
) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    assert [visit(app).get("/api/v1/studies", headers=headers).status_code for _ in range(2)] == [200, 200]
    with app.database.reading() as session:
        assert session.query(AuditEntry).filter_by(action=Action.USED_TOKEN).count() == 1
    clock.now += timedelta(days=1)
    assert visit(app).get("/api/v1/studies", headers=headers).status_code == 401
