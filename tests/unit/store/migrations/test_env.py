from __future__ import annotations

from contextlib import closing

from alembic.migration import MigrationContext
from sqlalchemy import MetaData

from lungwise.settings import Settings
from lungwise.store import Base, Database
from lungwise.store.migrations import upgrade


def test_the_steps_make_what_the_models_say_over_the_connection_that_is_handed_on(settings: Settings) -> None:
    with closing(Database(settings)) as database:
        upgrade(database.engine)
        made = MetaData()
        made.reflect(database.engine)
        with database.engine.connect() as connection:
            assert MigrationContext.configure(connection).get_current_revision()
        assert set(made.tables) - {"alembic_version"} == set(Base.metadata.tables)
        for name, table in Base.metadata.tables.items():
            assert set(made.tables[name].columns.keys()) == {column.name for column in table.columns}
