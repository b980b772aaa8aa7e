from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from lungwise.errors import Unavailable
from lungwise.store import new_key
from lungwise.studies.film_data import fetched

if TYPE_CHECKING:
    from conftest import Services


def test_a_file_is_fetched_or_unavailable(services: Services, film: Callable[..., bytes]) -> None:
    folder = new_key()
    name = services.store.put(folder, film(1))
    assert fetched(services.store, folder, name) == film(1)
    services.store.remove(folder, name)
    with pytest.raises(Unavailable, match="cannot be fetched"):
        fetched(services.store, folder, name)
