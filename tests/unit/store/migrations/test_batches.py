from __future__ import annotations

from contextlib import closing

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from lungwise.settings import Settings
from lungwise.store import Database
from lungwise.store.migrations.batches import batches, commit_batch

numbers = sa.Table("numbers", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True), sa.Column("n", sa.Integer))


def test_a_walk_passes_each_row_once_though_it_changes_them_and_a_killed_one_keeps_its_batches(
    either: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lungwise.store.migrations.batches._BATCH_SIZE", 2)
    with closing(Database(either)) as database:
        numbers.create(database.engine)
        with database.engine.begin() as connection:
            connection.execute(sa.insert(numbers), [{"id": number, "n": 0} for number in range(1, 6)])
        with database.engine.connect() as connection, connection.begin() as transaction:
            session, sizes = Session(connection), []
            for rows in batches(session, sa.select(numbers).where(numbers.c.n == 0)):
                sizes.append(len(rows))
                session.execute(sa.update(numbers).where(numbers.c.id.in_(row.id for row in rows)).values(n=1))
                if len(sizes) < 3:
                    commit_batch(session)
            transaction.rollback()  # killed in the third batch
        with database.engine.connect() as connection:
            done = connection.execute(sa.select(numbers.c.id).where(numbers.c.n == 1)).scalars().all()
    assert sizes == [2, 2, 1]
    assert done == [1, 2, 3, 4]
