"""The application gives the API's resources every service that they name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lungwise.api.services import ApiServices, services

if TYPE_CHECKING:
    from lungwise.web_app import Lungwise


def test_every_service_that_is_named_is_there(app: Lungwise) -> None:
    with app.api.test_request_context("/"):
        app.api.preprocess_request()
        made = services()
        assert [name for name in ApiServices.__annotations__ if getattr(made, name, None) is None] == []
        assert made.wait_for_readings(0, 0)  # of a study that is not there nothing is left to read
