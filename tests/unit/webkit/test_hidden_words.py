from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Visitor
    from lungwise.access import Person
    from lungwise.web_app import Lungwise


def test_words_in_an_address_are_read_by_nobody_but_who_typed_them(
    app: Lungwise,
    visit: Callable[..., Visitor],
    enrol: Callable[..., Person],
    film: Callable[..., bytes],
) -> None:
    people = [visit(app) for _ in range(2)]
    for name, visitor in zip(("Ada", "Bob"), people, strict=True):
        enrol(app, name)
        visitor.sign_in(f"{name.lower()}@example.org")
    ada, bob = people
    ada.upload(film(1), name="Béla Bartók")
    address = ada.post("/studies", text="Bartók", standing="").headers["Location"]
    assert "bart" not in address.lower()
    assert list(parse_qs(urlsplit(address).query)) == ["words"]
    assert 'value="Bartók"' in ada.get(address).text
    assert 'value="Bartók"' not in bob.get(address).text
    assert 'value="Bartók"' not in ada.get(f"{address[:-4]}AAAA").text
    assert ada.get("/studies?words=%C3%A9").status_code == 200
