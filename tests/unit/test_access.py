from __future__ import annotations

import pytest

from lungwise.access import NOBODY, PEOPLE, RIGHTS, Person, Right, Role
from lungwise.errors import NotFound


def test_every_role_has_rights_and_only_administrators_have_all() -> None:
    assert set(RIGHTS) == set(Role)
    assert [role for role in Role if RIGHTS[role] == frozenset(Right)] == [Role.ADMINISTRATOR]
    assert Role.NODE not in PEOPLE


def test_a_token_takes_rights_away_and_adds_none() -> None:
    person = Person(1, "Ada", 1, Role.DOCTOR, frozenset({Right.SEE, Right.DELETE}))
    assert [right for right in Right if person.may(right)] == [Right.SEE]


def test_what_a_person_may_not_do_does_not_exist_for_them() -> None:
    Person(1, "Ada", 1, Role.ADMINISTRATOR).need(Right.ADMINISTER)
    with pytest.raises(NotFound):
        Person(1, "Ada", 1, Role.DOCTOR).need(Right.ADMINISTER)
    assert not any(NOBODY.may(right) for right in Right)


def test_the_keys_of_rights_are_short() -> None:
    assert all(right.value == right.name.lower() for right in Right)
