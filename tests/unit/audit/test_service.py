from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, inspect, select, update

from lungwise.access import Role
from lungwise.audit.actions import Action, Subject
from lungwise.audit.chain import End, entry_hash
from lungwise.audit.models import AuditEntry, AuditHead
from lungwise.audit.service import AuditFilter, AuditTrail, Break
from lungwise.errors import NotFound
from lungwise.store import Database
from lungwise.store.facts import save_fact
from lungwise.store.keys import Keys
from lungwise.store.rotation import reencrypt_rows

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.orm import Session

    from conftest import Services
    from lungwise.access import Person


def test_a_trail_is_whole_on_either_database(either_services: Services) -> None:
    person = either_services.person()
    for number in range(5):
        either_services.audit.record(person, Action.SAW, Subject.STUDY, f"key{number}")
    either_services.session.commit()
    either_services.session.expire_all()
    assert either_services.audit.verify() is None
    assert either_services.audit.head()[0] == 6


@pytest.mark.parametrize(
    ("column", "value"), [("action", "saw"), ("person_name", "Mallory"), ("subject_key", "other"), ("clinic_id", 99)]
)
def test_a_changed_entry_is_found(column: str, value: object, services: Services) -> None:
    person = services.person()
    for number in range(3):
        services.audit.record(person, Action.DELETED, Subject.STUDY, f"key{number}")
    services.session.execute(update(AuditEntry).where(AuditEntry.id == 3).values({column: value}))
    found = services.audit.verify()
    assert found is not None
    assert found.entry == 3


@pytest.mark.parametrize("gone", [1, 2, 4])
def test_a_removed_entry_is_found_wherever_it_was(gone: int, services: Services) -> None:
    person = services.person()
    for number in range(3):
        services.audit.record(person, Action.DELETED, Subject.STUDY, f"key{number}")
    services.session.execute(delete(AuditEntry).where(AuditEntry.id == gone))
    found = services.audit.verify()
    assert found is not None
    assert found.entry == gone


def test_an_end_that_was_cut_off_and_its_older_head_put_back_is_found(either_services: Services) -> None:
    services = either_services
    person = trail_of(services, 3)
    older = copy_of_head(services)
    services.audit.record(person, Action.DELETED, Subject.STUDY, "the evidence")
    services.session.commit()
    services.session.execute(delete(AuditEntry).where(AuditEntry.subject_key == "the evidence"))
    services.session.execute(update(AuditHead).values(older))
    services.session.commit()
    found = verified(services)
    assert found is not None
    assert "this machine has seen 5" in found.reason
    for number in range(3):  # what is added later does not hide it
        services.audit.record(person, Action.SAW, Subject.STUDY, f"key{number}")
        services.session.commit()
    assert verified(services) is not None


def test_a_chain_made_anew_without_the_key_is_found(services: Services) -> None:
    trail_of(services, 3)
    entry = services.session.get(AuditEntry, 3)
    assert entry is not None
    entry.person_name = "Mallory"
    entries = services.session.query(AuditEntry).order_by(AuditEntry.id).all()
    previous = "0" * 64
    for entry in entries:
        entry.hash = previous = entry_hash(b"a guess at the key", previous, entry)
    end = End(len(entries), previous, services.session.query(AuditHead).one().key)
    services.session.execute(update(AuditHead).values(hash=end.hash, signature=end.signature(b"a guess at the key")))
    services.session.commit()
    found = verified(services)
    assert found is not None
    assert found.entry == 1


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_is_done_to_the_tables_is_found(data: st.DataObject, services: Services) -> None:
    if not services.audit.head()[0]:
        trail_of(services, 6)
    services.session.commit()
    with closing(Database(services.settings)) as database, database.session(writes=True) as session:
        before = table_as_it_is(session)
        tamper(data, session)
        changed = table_as_it_is(session) != before
        session.expire_all()
        assert (AuditTrail(session, services.clock).verify() is not None) == changed
        session.rollback()


def tamper(data: st.DataObject, session: Session) -> None:
    """Do what somebody can who writes to the database and has no key."""
    what = data.draw(st.sampled_from(["delete", "edit", "swap", "head", "copy", "cut"]))
    number, other = data.draw(st.tuples(st.integers(1, 7), st.integers(1, 7)))
    table: Any = AuditEntry.__table__
    column = data.draw(st.sampled_from([c.name for c in table.columns]))
    rows = {row.id: row._asdict() for row in session.execute(select(table))}
    if what == "delete":
        session.execute(delete(AuditEntry).where(AuditEntry.id == number))
    elif what == "cut":
        session.execute(delete(AuditEntry).where(AuditEntry.id > number))
        session.execute(update(AuditHead).values(entries=number, hash=rows[number]["hash"]))
    elif what == "swap":
        for one, two in ((number, other), (other, number)):
            session.execute(update(table).where(table.c.id == one).values(rows[two] | {"id": one}))
    elif what == "copy" and column != "id":
        session.execute(update(table).where(table.c.id == number).values({column: rows[other][column]}))
    elif what == "edit" and column in ("person_name", "address", "deed", "subject", "subject_key", "hash"):
        session.execute(
            update(table).where(table.c.id == number).values({column: data.draw(st.text("ab", max_size=9))})
        )
    elif what == "head":
        name = data.draw(st.sampled_from(["hash", "key", "signature"]))
        session.execute(update(AuditHead).values({name: data.draw(st.text("ab0", max_size=8))}))


def table_as_it_is(session: Session) -> list[object]:
    return [*session.execute(select(AuditEntry.__table__)), *session.execute(select(AuditHead.__table__))]


def test_a_head_that_was_edited_is_not_signed_by_what_is_added_later(services: Services) -> None:
    person = trail_of(services, 3)
    (services.settings.data_folder / "audit-end.json").unlink()
    last = services.session.get(AuditEntry, 3)
    assert last is not None
    services.session.execute(delete(AuditEntry).where(AuditEntry.id > 3))
    services.session.execute(update(AuditHead).values(entries=3, hash=last.hash))
    services.audit.record(person, Action.SAW, Subject.STUDY, "key")
    services.session.commit()
    found = verified(services)
    assert found is not None
    assert "end is not what was written" in found.reason


def test_a_head_that_was_taken_away_is_missed_though_the_trail_goes_on(services: Services) -> None:
    person = trail_of(services, 3)
    services.session.execute(delete(AuditHead))
    services.session.commit()
    services.session.expire_all()
    assert verified(services) is not None
    services.audit.record(person, Action.SAW, Subject.STUDY, "key")
    services.session.commit()
    assert verified(services) is not None


def test_entries_stay_verifiable_when_keys_are_rotated_and_dropped(either_services: Services) -> None:
    services, person = either_services, trail_of(either_services, 2)
    file = services.settings.data_folder / "encryption.keys"
    for round_ in range(3):
        Keys(services.settings).add()
        services.audit.record(person, Action.SAW, Subject.STUDY, f"before {round_}")
        services.audit.advance_key()
        services.audit.record(person, Action.SAW, Subject.STUDY, f"after {round_}")
        services.session.commit()
        with closing(Database(services.settings)) as database:
            assert sum(reencrypt_rows(database)) == round_
        file.write_text(file.read_text().splitlines()[0])
        assert verified(services) is None
    entry = services.session.get(AuditEntry, 1)
    assert entry is not None
    entry.action = "saw nothing"
    services.session.commit()
    assert verified(services) is not None


def test_a_dropped_key_signs_no_end(services: Services) -> None:
    person = trail_of(services, 2)
    old, older = Keys(services.settings).all[0], copy_of_head(services)
    Keys(services.settings).add()
    services.audit.advance_key()
    services.audit.record(person, Action.DELETED, Subject.STUDY, "key")
    services.session.commit()
    file = services.settings.data_folder / "encryption.keys"
    file.write_text(file.read_text().splitlines()[0])
    services.session.execute(delete(AuditEntry).where(AuditEntry.id > older["entries"]))
    end = End(older["entries"], older["hash"], old.name)
    services.session.execute(update(AuditHead).values(older | {"signature": end.signature(old.derived("audit"))}))
    services.session.commit()
    (services.settings.data_folder / "audit-end.json").unlink()
    assert verified(services) is not None


def test_what_is_rolled_back_is_not_marked(either_services: Services) -> None:
    services, person = either_services, trail_of(either_services, 2)
    services.audit.record(person, Action.SAW, Subject.STUDY, "one")
    services.session.rollback()
    with services.session.begin_nested() as savepoint:
        services.audit.record(person, Action.SAW, Subject.STUDY, "two")
        savepoint.rollback()
    services.session.commit()
    assert verified(services) is None
    services.audit.record(person, Action.SAW, Subject.STUDY, "three")
    with services.session.begin_nested():
        services.audit.record(person, Action.SAW, Subject.STUDY, "four")
    services.session.rollback()
    services.audit.record(person, Action.SAW, Subject.STUDY, "five")
    services.session.commit()
    assert verified(services) is None


def test_every_machine_takes_the_end_of_a_restored_database(either_services: Services, tmp_path: Path) -> None:
    services, person = either_services, trail_of(either_services, 3)
    older, kept = copy_of_head(services), services.audit.head()[0]
    settings = services.settings.model_copy(
        update={"data_folder": tmp_path / "other", "database_url": services.settings.database}
    )
    settings.data_folder.mkdir()
    shutil.copy(services.settings.data_folder / "encryption.keys", settings.data_folder)
    with closing(Database(settings)) as other:
        record_over(other, services, person, "seen by the other machine alone")
        cut(services, kept, older)
        services.audit.accept_end(person, "backup")
        services.session.commit()
        assert verified(services) is None
        record_over(other, services, person, "after the restore")
        with other.reading() as session:
            assert AuditTrail(session, services.clock).verify() is None
        assert verified(services) is None
        cut(services, kept, older)
        with other.reading() as session:
            assert AuditTrail(session, services.clock).verify() is not None
        save_fact(services.session, "audit trail generation", "0")  # an earlier one is put back, signed as it was
        services.session.commit()
        record_over(other, services, person, "goes on unsigned")
        with other.reading() as session:
            assert AuditTrail(session, services.clock).verify() is not None


def test_many_who_record_at_once_make_one_chain(either_services: Services) -> None:
    services, person = either_services, trail_of(either_services, 1)

    def record(writer: int) -> None:
        with closing(Database(services.settings)) as database:
            for number in range(10):
                with database.writing() as session:
                    AuditTrail(session, services.clock).record(person, Action.SAW, Subject.STUDY, f"{writer}-{number}")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(record, range(4)))
    assert verified(services) is None
    assert services.audit.head()[0] == 42


def trail_of(services: Services, entries: int) -> Person:
    """Open an account and record so many entries more."""
    person = services.person()
    for number in range(entries):
        services.audit.record(person, Action.DELETED, Subject.STUDY, f"key{number}")
    services.session.commit()
    return person


def record_over(database: Database, services: Services, person: Person, key: str) -> None:
    services.session.commit()  # SQLite has one writer
    with database.writing() as session:
        AuditTrail(session, services.clock).record(person, Action.SAW, Subject.STUDY, key)


def cut(services: Services, kept: int, head: dict[str, Any]) -> None:
    """Make the trail what it was before."""
    services.session.rollback()
    services.session.execute(delete(AuditEntry).where(AuditEntry.id > kept))
    services.session.execute(update(AuditHead).values(head))
    services.session.commit()
    services.session.expire_all()


def copy_of_head(services: Services) -> dict[str, Any]:
    return dict(services.session.execute(select(AuditHead.__table__)).mappings().one())


def verified(services: Services) -> Break | None:
    """Verify as a command does, in a session of its own."""
    with closing(Database(services.settings)) as database, database.snapshot() as session:
        return AuditTrail(session, services.clock).verify()


def test_a_page_shows_the_own_clinic_filtered_the_newest_first(services: Services) -> None:
    hill, valley = services.person("Ada", "Hill"), services.person("Bob", "Valley")
    services.audit.record(hill, Action.SAW, Subject.STUDY, "one")
    services.audit.record(valley, Action.SAW, Subject.STUDY, "two")
    services.clock.forward(days=2)
    services.audit.record(hill, Action.EXPORTED, Subject.STUDY, "one")
    actions = [(entry.action, entry.subject_key) for entry in services.audit.page(hill, AuditFilter(subject_key="one"))]
    assert actions == [("exported", "one"), ("saw", "one")]
    tomorrow = services.clock().date() - timedelta(days=1)
    assert [entry.action for entry in services.audit.page(hill, AuditFilter(since=tomorrow))] == ["exported"]


def test_only_administrators_see_the_trail(services: Services) -> None:
    doctor = services.person("Bob", role=Role.DOCTOR)
    with pytest.raises(NotFound):
        AuditTrail(services.session, services.clock).page(doctor, AuditFilter())


def test_an_entry_in_the_place_of_the_last_one_is_found_though_it_was_signed_once(services: Services) -> None:
    person = trail_of(services, 2)
    services.audit.record(person, Action.SAW, Subject.STUDY, "key")
    services.session.flush()
    entry = services.session.get_one(AuditEntry, 4)
    other = {column.key: getattr(entry, column.key) for column in inspect(AuditEntry).column_attrs}
    services.session.rollback()
    services.audit.record(person, Action.DELETED, Subject.STUDY, "the evidence")
    services.session.commit()
    (services.settings.data_folder / "audit-end.json").unlink()
    services.session.execute(update(AuditEntry).where(AuditEntry.id == 4).values(other))
    services.session.commit()
    assert verified(services) == Break(4, "the chain's end is not what was written")


def test_what_was_seen_from_another_address_is_recorded_again(services: Services) -> None:
    person = services.person()
    here, there = (AuditTrail(services.session, services.clock, address) for address in ("10.0.0.1", "10.0.0.2"))
    here.record_unless_seen(person, Subject.STUDY, "key", [])
    assert here.has_seen(person, ["key"]) and not there.has_seen(person, ["key"])
    before = here.head()[0]
    here.record_unless_seen(person, Subject.STUDY, "key", [])
    there.record_unless_seen(person, Subject.STUDY, "key", [])
    assert here.head()[0] == before + 1
