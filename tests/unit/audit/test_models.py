from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from lungwise.audit.models import AuditEntry, AuditKey

if TYPE_CHECKING:
    from conftest import Services


def test_an_action_keeps_the_column_whose_words_are_signed() -> None:
    assert AuditEntry.__table__.columns["deed"] is AuditEntry.action.property.columns[0]


def test_the_secret_of_an_old_key_is_encrypted_in_its_row(services: Services) -> None:
    services.session.add(AuditKey(name="key", secret="secret"))
    services.session.flush()
    services.session.expire_all()
    assert services.session.scalars(select(AuditKey)).one().secret == "secret"
    stored = services.session.execute(select(AuditKey.__table__)).one().secret
    assert "secret" not in str(stored)
