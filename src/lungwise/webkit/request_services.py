"""The services of a blueprint, made for each request that asks for them, over the request's own session.

A blueprint's views name what they use in a dataclass, and the application that registers them says how it is made:

    services = RequestServices[PatientServices]("patients")
    services.provide(app, lambda session: PatientServices(patients=Patients(session, ...)))
    services().patients.get(...)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from flask import Flask, current_app, g
from sqlalchemy.orm import Session

from lungwise.webkit.transactions import after_response, request_session

S = TypeVar("S")
_EXTENSION = "lungwise_services"


class RequestServices(Generic[S]):
    """What one blueprint's views use in a request.

    Parameters
    ----------
    name
        Under which the application keeps how they are made.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def provide(self, app: Flask, make: Callable[[Session], S]) -> None:
        """Set how the services are made over a session, in one application."""
        app.extensions.setdefault(_EXTENSION, {})[self._name] = make

    def __call__(self) -> S:
        """Return the services of the present request, which share what is made in the same way."""
        made: dict[Callable[[Session], S], S] = g.setdefault("services", {})
        make = self._make
        if make not in made:
            made[make] = make(request_session())
        return made[make]

    def over(self, session: Session) -> S:
        """Make the services over another session than the request's."""
        return self._make(session)

    @property
    def _make(self) -> Callable[[Session], S]:
        make: Callable[[Session], S] = current_app.extensions[_EXTENSION][self._name]
        return make

    def after_response(self, action: Callable[[S], object]) -> None:
        """Act with the services once the request has succeeded, in a separate transaction."""
        after_response(lambda session: action(self.over(session)))
