from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from dicom_peers import until
from lungwise.hl7.inbox import KEPT, Inbox
from lungwise.hl7.models import MessageState, ReceivedMessage
from lungwise.hl7.old_messages import OldMessages
from lungwise.store import Database, FilmStore, utc_now
from lungwise.wiring import Wiring

if TYPE_CHECKING:
    from lungwise.settings import Settings


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    database = Database(settings)
    yield database
    database.close()


def over(settings: Settings) -> Callable[[Session, str], Inbox]:
    wiring = Wiring(settings, FilmStore(settings))
    return lambda session, address: wiring.over(session, address).inbox


def add_messages(database: Database, settings: Settings) -> None:
    """Let there be a message of each state, an old one and a new one."""
    with database.writing() as session:
        clinic = Wiring(settings, FilmStore(settings)).over(session).clinics.named("Hill").id
        for state in MessageState:
            for days in (0, KEPT.days + 1):
                name = f"{state}-{days}"
                session.add(
                    ReceivedMessage(
                        key=name,
                        clinic_id=clinic,
                        sender="OPENMRS@HILL",
                        type="ADT^A08",
                        digest=name,
                        patient_index="",
                        state=state,
                        error="",
                        created_at=utc_now() - timedelta(days=days),
                    )
                )


def test_messages_done_or_dropped_long_ago_are_forgotten_once_it_begins(
    settings: Settings, migrate: Callable[[Settings], None], database: Database
) -> None:
    migrate(settings)
    add_messages(database, settings)

    def left() -> list[str]:
        with database.reading() as session:
            return sorted(session.scalars(select(ReceivedMessage.key)))

    old_messages = OldMessages(database, over(settings))
    old_messages.start()
    until(lambda: len(left()) < 6, 60)
    assert left() == sorted(["done-0", "dropped-0", "failed-0", f"failed-{KEPT.days + 1}"])
    assert old_messages.is_alive
    old_messages.stop()
    assert not old_messages.is_alive


def test_it_lives_on_while_the_database_is_away(
    settings: Settings, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    old_messages = OldMessages(database, over(settings))  # without tables
    old_messages.start()
    until(lambda: "Old messages are not forgotten." in caplog.text, 60)
    assert old_messages.is_alive
    old_messages.stop()
