from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy.exc import IntegrityError

from lungwise.access import Role
from lungwise.webkit.models import IdempotencyKey

if TYPE_CHECKING:
    from conftest import Services


def test_a_person_has_each_key_once(services: Services) -> None:
    ada, bob = (services.user(name, "Hill", Role.DOCTOR) for name in ("Ada", "Bob"))

    def add(user_id: int) -> None:
        row = IdempotencyKey(user_id=user_id, key="key", request_hash="", result="", created_at=services.clock())
        services.session.add(row)
        services.session.flush()

    add(ada.id)
    add(bob.id)
    with pytest.raises(IntegrityError):
        add(ada.id)
