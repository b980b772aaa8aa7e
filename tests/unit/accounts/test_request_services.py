from __future__ import annotations

from typing import TYPE_CHECKING

from lungwise.accounts.request_services import services, user

if TYPE_CHECKING:
    from lungwise.web_app import Lungwise


def test_the_services_of_accounts_are_those_of_the_request_and_act_from_its_address(app: Lungwise) -> None:
    with app.test_request_context("/", environ_base={"REMOTE_ADDR": "192.0.2.7"}):
        app.preprocess_request()
        assert services() is services()
        assert services().accounts.is_empty()
        assert not user().is_authenticated
        app.do_teardown_request()
