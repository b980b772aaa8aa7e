from __future__ import annotations

from typing import TYPE_CHECKING

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from lungwise.store import Base, Database
from lungwise.store.migrations import is_current, upgrade

if TYPE_CHECKING:
    from lungwise.settings import Settings


def test_the_steps_lead_from_an_empty_database_to_the_models(either: Settings) -> None:
    database = Database(either)
    assert not is_current(database.engine)
    upgrade(database.engine)
    assert is_current(database.engine)
    with database.engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), Base.metadata)
    database.close()
    assert differences == []


def test_upgrading_again_changes_nothing(settings: Settings) -> None:
    database = Database(settings)
    upgrade(database.engine)
    upgrade(database.engine)
    assert is_current(database.engine)
    database.close()
