from __future__ import annotations

import pytest
from pydantic import ValidationError

from lungwise.settings import Settings


def test_a_password_cannot_be_allowed_to_be_short() -> None:
    with pytest.raises(ValidationError, match="password_length"):
        Settings(password_length=8)
