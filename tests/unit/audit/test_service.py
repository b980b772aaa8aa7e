from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import delete, update

from lungwise.accounts.person import Role
from lungwise.audit.models import AuditEntry, AuditHead
from lungwise.audit.service import AuditFilter, AuditTrail
from lungwise.errors import NotFound

if TYPE_CHECKING:
    from conftest import Rooms


def test_a_trail_is_whole_on_either_database(either_rooms: Rooms) -> None:
    person = either_rooms.person()
    for number in range(5):
        either_rooms.audit.record(person, "saw", "study", f"key{number}")
    either_rooms.session.commit()
    either_rooms.session.expire_all()
    assert either_rooms.audit.verify() is None
    assert either_rooms.audit.head()[0] == 6


@pytest.mark.parametrize(
    ("column", "value"), [("deed", "saw"), ("person_name", "Mallory"), ("subject_key", "other"), ("clinic_id", 99)]
)
def test_a_changed_entry_is_found(column: str, value: object, rooms: Rooms) -> None:
    person = rooms.person()
    for number in range(3):
        rooms.audit.record(person, "deleted", "study", f"key{number}")
    rooms.session.execute(update(AuditEntry).where(AuditEntry.id == 3).values({column: value}))
    found = rooms.audit.verify()
    assert found is not None
    assert found.entry == 3


@pytest.mark.parametrize("gone", [1, 2, 4])
def test_a_removed_entry_is_found_wherever_it_was(gone: int, rooms: Rooms) -> None:
    person = rooms.person()
    for number in range(3):
        rooms.audit.record(person, "deleted", "study", f"key{number}")
    rooms.session.execute(delete(AuditEntry).where(AuditEntry.id == gone))
    found = rooms.audit.verify()
    assert found is not None
    assert found.entry == gone


def test_a_cut_end_that_was_hidden_in_the_head_too_no_longer_matches_the_noted_hash(rooms: Rooms) -> None:
    person = rooms.person()
    rooms.audit.record(person, "deleted", "study", "key")
    noted = rooms.audit.head()
    last = rooms.session.get(AuditEntry, 1)
    assert last is not None
    rooms.session.execute(delete(AuditEntry).where(AuditEntry.id == 2))
    rooms.session.execute(update(AuditHead).values(entries=1, hash=last.hash))
    rooms.session.expire_all()
    assert rooms.audit.verify() is None  # the chain alone cannot see this,
    assert rooms.audit.head() != noted  # which is why its end is to be noted elsewhere


def test_a_page_shows_the_own_clinic_filtered_the_newest_first(rooms: Rooms) -> None:
    hill, valley = rooms.person("Ada", "Hill"), rooms.person("Bob", "Valley")
    rooms.audit.record(hill, "saw", "study", "one")
    rooms.audit.record(valley, "saw", "study", "two")
    rooms.clock.forward(days=2)
    rooms.audit.record(hill, "exported", "study", "one")
    deeds = [(entry.deed, entry.subject_key) for entry in rooms.audit.page(hill, AuditFilter(subject_key="one"))]
    assert deeds == [("exported", "one"), ("saw", "one")]
    tomorrow = rooms.clock().date() - timedelta(days=1)
    assert [entry.deed for entry in rooms.audit.page(hill, AuditFilter(since=tomorrow))] == ["exported"]


def test_only_administrators_see_the_trail(rooms: Rooms) -> None:
    doctor = rooms.person("Bob", role=Role.DOCTOR)
    with pytest.raises(NotFound):
        AuditTrail(rooms.session, rooms.clock).page(doctor, AuditFilter())
