"""Pages that take the word of a provider which says whatever a test wants."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from conftest import open_app
from lungwise.access import Role
from oidc_forger import Forger, forger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import Clock
    from lungwise.access import Person
    from lungwise.settings import Settings
    from lungwise.web_app import Lungwise


@pytest.fixture
def liar(clock: Clock) -> Iterator[Forger]:
    with forger(clock) as liar:
        yield liar


@pytest.fixture
def app(
    liar: Forger,
    either: Settings,
    clock: Clock,
    migrate: Callable[[Settings], None],
    enrol: Callable[..., Person],
) -> Iterator[Lungwise]:
    """Give pages that take its word, and a local administrator."""
    migrate(either)
    for app in open_app(liar.settings(either), clock):
        enrol(app, "Eve", role=Role.ADMINISTRATOR)
        yield app
