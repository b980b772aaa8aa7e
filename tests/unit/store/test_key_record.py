from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from threading import Barrier, BrokenBarrierError
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import event

from lungwise.settings import Settings
from lungwise.store import Database, EncryptionError, check_keys
from lungwise.store.key_record import forget_old_keys
from lungwise.store.keys import Keys

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_second_machine_with_a_key_of_its_own_is_told_before_it_writes(
    either: Settings, migrate: Callable[[Settings], None], tmp_path: Path
) -> None:
    migrate(either)
    first = Database(either)
    check_keys(first)
    check_keys(first)
    stranger = Database(either.model_copy(update={"database_url": first.url, "data_folder": tmp_path / "other"}))
    with pytest.raises(EncryptionError, match=first.keys.names[0]):
        check_keys(stranger)
    for database in (first, stranger):
        database.close()


def test_a_new_key_is_noted_and_the_old_one_is_needed_until_it_is_forgotten(
    settings: Settings, migrate: Callable[[Settings], None]
) -> None:
    migrate(settings)
    database = Database(settings)
    check_keys(database)
    file = settings.data_folder / "encryption.keys"
    old = file.read_text()
    Keys(settings).add()
    check_keys(database)
    new = file.read_text().removesuffix(old)
    file.write_text(new)
    with pytest.raises(EncryptionError, match="missing"):
        begin(settings)
    file.write_text(new + old)
    with database.writing() as session:
        forget_old_keys(session)
    file.write_text(new)
    begin(settings)
    database.close()


def test_two_processes_that_begin_at_once_record_one_key(either: Settings, migrate: Callable[[Settings], None]) -> None:
    migrate(either)
    assert Keys(either).names, "the file is there before they begin"
    together = Barrier(2)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: begin_together(either, together), range(2)))


def begin_together(settings: Settings, together: Barrier) -> None:
    """Begin once another process, too, has found that no key is recorded."""
    with closing(Database(settings)) as database:

        def wait(_c: object, _cursor: object, statement: str, *_more: object) -> None:
            if statement.startswith("INSERT"):
                with suppress(BrokenBarrierError):
                    together.wait(1)

        event.listen(database.engine, "before_cursor_execute", wait)
        check_keys(database)


def begin(settings: Settings) -> None:
    with closing(Database(settings)) as database:
        check_keys(database)
