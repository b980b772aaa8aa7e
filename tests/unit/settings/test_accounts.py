from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
from annotated_types import Le
from pydantic import ValidationError

from lungwise.settings import Settings


def test_a_password_cannot_be_allowed_to_be_short() -> None:
    with pytest.raises(ValidationError, match="password_length"):
        Settings(password_length=8)


@pytest.mark.parametrize("setting", ["session_idle_minutes", "session_hours", "lock_minutes"])
def test_the_longest_time_that_is_taken_can_be_added_to_a_day(setting: str) -> None:
    with pytest.raises(ValidationError, match=setting):
        Settings(**{setting: 10_000_000})  # type: ignore[arg-type]
    (most,) = (cast(int, one.le) for one in Settings.model_fields[setting].metadata if isinstance(one, Le))
    unit = timedelta(hours=1) if setting.endswith("hours") else timedelta(minutes=1)
    assert datetime(2100, 1, 1, tzinfo=UTC) + most * unit > datetime(2100, 1, 1, tzinfo=UTC)
