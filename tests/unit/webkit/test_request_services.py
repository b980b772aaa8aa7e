from __future__ import annotations

from typing import TYPE_CHECKING

from lungwise.webkit.request_services import RequestServices
from lungwise.webkit.transactions import request_session

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from lungwise.web_app import Lungwise


def test_services_are_made_once_for_each_request_over_its_session(app: Lungwise) -> None:
    made: list[Session] = []
    services = RequestServices[list["Session"]]("test")

    def make(session: Session) -> list[Session]:
        made.append(session)
        return [session]

    services.provide(app, make)
    for count in (1, 2):
        with app.test_request_context("/"):
            app.preprocess_request()
            assert services() is services()
            assert services()[0] is request_session()
            assert len(made) == count
            app.do_teardown_request()


def test_blueprints_whose_services_are_made_in_the_same_way_share_them(app: Lungwise) -> None:
    one, other = (RequestServices[list["Session"]](name) for name in ("one", "other"))

    def make(session: Session) -> list[Session]:
        return [session]

    for services in (one, other):
        services.provide(app, make)
    with app.test_request_context("/"):
        app.preprocess_request()
        assert one() is other()
        app.do_teardown_request()
