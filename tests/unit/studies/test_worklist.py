from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import insert, text

from lungwise.accounts.person import Person
from lungwise.patients.service import PatientFacts
from lungwise.studies.models import Standing, Study
from lungwise.studies.worklist import PAGE, Order, Wanted

if TYPE_CHECKING:
    from conftest import Rooms


def fill(rooms: Rooms, person: Person, count: int) -> None:
    names = ("Béla Bartók", "Clara Wieck", "Amara Okafor")
    patients = [
        rooms.patients.find_or_add(person, PatientFacts(f"{person.clinic_id}-{n}", name))
        for n, name in enumerate(names)
    ]
    standings = (Standing.POSITIVE, Standing.UNCERTAIN, Standing.NEGATIVE)
    rooms.session.execute(
        insert(Study),
        [
            {
                "key": f"{person.clinic_id}k{n}",
                "clinic_id": person.clinic_id,
                "patient_id": patients[n % 3].id,
                "author_id": person.id,
                "created_at": rooms.clock() - timedelta(hours=n * 7 % 97),
                "unread": n % 4 == 0,
                "standing": standings[n % 3].value,
                "probability": (n * 37 % 101) / 101,
            }
            for n in range(count)
        ],
    )
    rooms.session.commit()


def walk(rooms: Rooms, person: Person, wanted: Wanted) -> list[Study]:
    found: list[Study] = []
    while True:
        lines, after = rooms.worklist.page(person, wanted)
        assert len(lines) <= PAGE
        found += [line.study for line in lines]
        if not after:
            return found
        wanted = replace(wanted, after=after)


@pytest.mark.parametrize("order", list(Order))
def test_pages_show_every_study_once_the_unread_first_and_in_order(order: Order, either_rooms: Rooms) -> None:
    rooms, person, other = either_rooms, either_rooms.person(), either_rooms.person("Bob", "Valley")
    fill(rooms, person, 130)
    fill(rooms, other, 5)
    found = walk(rooms, person, Wanted(order=order))
    assert len({study.id for study in found}) == len(found) == 130
    assert {study.clinic_id for study in found} == {person.clinic_id}
    value = "created_at" if order is Order.NEWEST else "probability"
    keys = [(study.unread, getattr(study, value), study.id) for study in found]
    assert keys == sorted(keys, reverse=True)


def test_filters_narrow_the_list(rooms: Rooms) -> None:
    person = rooms.person()
    fill(rooms, person, 60)
    assert {study.standing for study in walk(rooms, person, Wanted(standing=Standing.UNCERTAIN))} == {"uncertain"}
    assert all(study.unread for study in walk(rooms, person, Wanted(unread=True)))
    assert len(walk(rooms, person, Wanted(text="bartok"))) == 20
    assert walk(rooms, person, Wanted(text="nobody")) == []
    today = rooms.clock().date()
    recent = walk(rooms, person, Wanted(since=today, until=today))
    assert recent
    assert {study.created_at.date() for study in recent} == {today}


@pytest.mark.parametrize("after", ["", "x", "1_2_3", "1__", "0_nan_1", "1_2026-13-01_1", "'; DROP TABLE studies"])
def test_a_forged_place_breaks_nothing(after: str, rooms: Rooms) -> None:
    person = rooms.person()
    fill(rooms, person, 3)
    rooms.worklist.page(person, Wanted(after=after))
    rooms.worklist.page(person, Wanted(after=after, order=Order.PROBABLE))


@pytest.mark.parametrize("order", list(Order))
@pytest.mark.parametrize("standing", [None, Standing.POSITIVE])
def test_the_database_walks_an_index_and_sorts_nothing(order: Order, standing: Standing | None, rooms: Rooms) -> None:
    person = rooms.person()
    fill(rooms, person, 130)
    rooms.session.execute(text("ANALYZE"))
    query = rooms.worklist._query(person, Wanted(order=order, standing=standing)).limit(51)
    compiled = query.compile(rooms.session.get_bind(), compile_kwargs={"literal_binds": True})
    plan = " ".join(str(row[-1]) for row in rooms.session.execute(text(f"EXPLAIN QUERY PLAN {compiled}")))
    assert "USING INDEX ix_studies" in plan
    assert "TEMP B-TREE" not in plan
