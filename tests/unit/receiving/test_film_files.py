from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from lungwise.receiving.film_files import film_files
from lungwise.receiving.uploads import Upload
from lungwise.store import Database, new_key

if TYPE_CHECKING:
    from conftest import Services


@pytest.mark.parametrize("is_committed", [True, False])
def test_files_that_nothing_records_are_removed(
    is_committed: bool, services: Services, film: Callable[..., bytes]
) -> None:
    services.session.commit()
    database, key = Database(services.settings), new_key()
    with film_files(database, services.store) as files:
        (name,) = files.put(key, [Upload(data=film(1), kind="JPEG")])
        assert services.store.holds(key, name)
        files.committed = key if is_committed else None
    assert services.store.holds(key, name) is is_committed
    database.close()
