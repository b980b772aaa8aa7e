from __future__ import annotations

from typing import TYPE_CHECKING

from lungwise.store import plain_films
from lungwise.store.facts import save_fact

if TYPE_CHECKING:
    from conftest import Rooms


def test_plain_films_are_read_only_while_an_upgrade_says_so(rooms: Rooms) -> None:
    assert not plain_films.are_read_in(rooms.settings)
    save_fact(rooms.session, "plain films", "read")
    rooms.session.commit()
    assert plain_films.are_read(rooms.session)
    assert plain_films.are_read_in(rooms.settings)
    plain_films.refuse(rooms.session)
    rooms.session.commit()
    assert not plain_films.are_read_in(rooms.settings)
