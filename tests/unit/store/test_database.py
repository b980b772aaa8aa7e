from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from lungwise.store import Database

if TYPE_CHECKING:
    from lungwise.settings import Settings


def test_an_errors_text_names_no_patient(either: Settings) -> None:
    with (
        closing(Database(either)) as database,
        database.reading() as session,
        pytest.raises(DBAPIError) as fault,
    ):
        session.execute(text("SELECT name FROM nowhere WHERE name = :name"), {"name": "Bartók"})
    assert "Bartók" not in str(fault.value)
