from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lungwise.access import Role
from lungwise.errors import NotFound
from lungwise.patients.service import PatientFacts
from lungwise.receiving.duplicates import Difference
from lungwise.receiving.uploads import Upload
from lungwise.store import new_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Services


def test_a_held_film_waits_for_an_administrator_and_can_be_discarded(
    services: Services, film: Callable[..., bytes]
) -> None:
    ada, held, key = services.person(), services.studies.recording.held, new_key()
    known = services.studies.open(ada, PatientFacts(), [("a", film(1))]).films[0]
    other = Upload(data=film(2), kind="JPEG")
    name = services.store.put(key, other.data)
    assert not held.has(ada, other)
    held.hold(ada, key, other, known, Difference.PIXELS, "CR1")
    assert held.has(ada, other) and held.count(ada) == 1
    assert [(one.key, one.cause, one.film) for one in held.waiting(ada)] == [(key, "pixels", known)]
    assert held.data(held.get(ada, key)) == other.data
    with pytest.raises(NotFound):
        held.get(services.person("Bob", role=Role.DOCTOR), key)
    held.discard(ada, key)
    services.session.commit()
    assert held.count(ada) == 0 and not services.store.holds(key, name)
