from __future__ import annotations

import pytest
from pydantic import ValidationError

from lungwise.settings import Settings


def test_a_webhook_needs_its_secret() -> None:
    with pytest.raises(ValidationError, match="webhook_url needs webhook_secret"):
        Settings(webhook_url="https://example.org/alarms")


def test_a_log_level_is_one_of_four() -> None:
    with pytest.raises(ValidationError, match="log_level"):
        Settings.model_validate({"log_level": "loud"})
