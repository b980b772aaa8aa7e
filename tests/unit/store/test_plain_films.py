from __future__ import annotations

from typing import TYPE_CHECKING

from lungwise.store import plain_films
from lungwise.store.facts import save_fact

if TYPE_CHECKING:
    from conftest import Services


def test_plain_films_are_read_only_while_an_upgrade_says_so(services: Services) -> None:
    assert not plain_films.are_read_in(services.settings)
    save_fact(services.session, "plain films", "read")
    services.session.commit()
    assert plain_films.are_read(services.session)
    assert plain_films.are_read_in(services.settings)
    plain_films.refuse(services.session)
    services.session.commit()
    assert not plain_films.are_read_in(services.settings)
