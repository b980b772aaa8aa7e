from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

from lungwise.store.facts import Fact, delete_fact, read_fact, save_fact, sign_facts_again
from lungwise.store.keys import Keys

if TYPE_CHECKING:
    from conftest import Services


def test_a_fact_is_saved_replaced_and_deleted(services: Services) -> None:
    session = services.session
    assert read_fact(session, "colour") == ""
    save_fact(session, "colour", "red")
    save_fact(session, "colour", "blue")
    assert read_fact(session, "colour") == "blue"
    delete_fact(session, "colour")
    delete_fact(session, "colour")
    assert read_fact(session, "colour") == ""


def test_who_only_writes_to_the_database_forges_no_fact(services: Services) -> None:
    session = services.session
    save_fact(session, "colour", "red")
    session.flush()
    session.execute(text("UPDATE facts SET value = 'blue'"))
    session.expire_all()
    assert read_fact(session, "colour") == ""
    session.execute(text("UPDATE facts SET value = 'red', name = 'shape'"))
    session.expire_all()
    assert read_fact(session, "shape") == ""


def test_facts_are_signed_again_before_their_key_is_forgotten(services: Services) -> None:
    session = services.session
    save_fact(session, "colour", "red")
    session.add(Fact(name="forged", value="x", signature="0" * 72))
    session.flush()
    name = Keys(services.settings).add()
    sign_facts_again(session)
    found = session.get_one(Fact, "colour")
    assert found.signature.startswith(name)
    assert (read_fact(session, "colour"), read_fact(session, "forged")) == ("red", "")
