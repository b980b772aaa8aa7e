from __future__ import annotations

from contextlib import closing

import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations

from lungwise.settings import Settings
from lungwise.store import Base, Database
from lungwise.store.migrations.tables import columns_of, create_table, foreign_keys_of, indexes_of, uniques_of


def test_what_a_column_declares_is_named_by_the_convention(either: Settings) -> None:
    with closing(Database(either)) as database, database.engine.begin() as connection:
        context = MigrationContext.configure(connection, opts={"target_metadata": Base.metadata})
        with Operations.context(context):
            create_table("shelves", sa.Column("id", sa.Integer, primary_key=True))
            create_table(
                "books",
                sa.Column("id", sa.Integer, primary_key=True),
                sa.Column("title", sa.String(40), nullable=False, unique=True),
                sa.Column("author", sa.String(40), nullable=False, index=True),
                sa.Column("shelf_id", sa.Integer, sa.ForeignKey("shelves.id")),
            )
        inspector = sa.inspect(connection)
        assert columns_of(inspector, "books") == {"id", "title", "author", "shelf_id"}
        assert uniques_of(inspector, "books") == {"uq_books_title"}
        assert "ix_books_author" in indexes_of(inspector, "books")
        assert foreign_keys_of(inspector, "books") == {"fk_books_shelf_id"}
