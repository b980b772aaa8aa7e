from __future__ import annotations

from contextlib import closing

import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations

from lungwise.settings import Settings
from lungwise.store import Base, Database
from lungwise.store.migrations.tables import columns_of, create_table, foreign_keys_of, indexes_of, uniques_of, widen


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


def test_a_column_that_is_widened_holds_more_and_ids_go_on_where_they_were(either: Settings) -> None:
    with closing(Database(either)) as database, database.engine.begin() as connection:
        context = MigrationContext.configure(connection, opts={"target_metadata": Base.metadata})
        with Operations.context(context):
            create_table(
                "books",
                sa.Column("id", sa.Integer, primary_key=True),
                sa.Column("title", sa.String(4), nullable=False, unique=True),
            )
            books = sa.table("books", sa.column("id"), sa.column("title"))
            for title in ("one", "two"):
                connection.execute(sa.insert(books).values(title=title))
            connection.execute(sa.delete(books).where(books.c.title == "two"))
            for _time in range(2):
                widen("books", "title", 4, 6)
            connection.execute(sa.insert(books).values(title="longer"))
        inspector = sa.inspect(connection)
        (column,) = (one for one in inspector.get_columns("books") if one["name"] == "title")
        assert (str(column["type"]).partition(" ")[0], column["nullable"]) == ("VARCHAR(6)", False)
        assert uniques_of(inspector, "books") == {"uq_books_title"}
        assert connection.execute(sa.select(books).order_by(books.c.id)).all() == [(1, "one"), (3, "longer")]
