"""What is encrypted is bound to its row; films that lie plain are read until they are encrypted, and never again.

It commits batch by batch. Killed halfway, the step goes on where it stood: each value's mark says whether it was done.
"""

from __future__ import annotations

import secrets
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.orm import Session

from lungwise.store.encryption import keys_of
from lungwise.store.keys import FIRST_MARK, EncryptionError, Keys, MissingKeyError
from lungwise.store.migrations.batches import batches, commit_batch
from lungwise.store.migrations.tables import columns_of, create_table, uniques_of

revision = "0009"
down_revision = "0008"

UNIQUE = "uq_opinions_key"

patients = sa.table(
    "patients",
    sa.column("id", sa.Integer),
    sa.column("key", sa.String),
    *(sa.column(name, sa.LargeBinary) for name in ("identifier", "name", "birth_date")),
)
opinions = sa.table(
    "opinions", sa.column("id", sa.Integer), sa.column("key", sa.String), sa.column("note", sa.LargeBinary)
)
films = sa.table("films", sa.column("id", sa.Integer))
sealing_keys = sa.table("sealing_keys", sa.column("name", sa.String))
facts = sa.table("facts", *(sa.column(name, sa.String) for name in ("name", "value", "signature")))


def upgrade() -> None:
    """Apply the step."""
    session = Session(op.get_bind())
    keys = keys_of(session)
    _need_every_key(session, keys)
    _make_room(sa.inspect(op.get_bind()))
    _note_that_plain_films_are_read(session, keys)
    commit_batch(session)
    _bind(session, keys, patients, ("identifier", "name", "birth_date"))
    _bind(session, keys, opinions, ("note",))
    if UNIQUE not in uniques_of(sa.inspect(op.get_bind()), "opinions"):
        with op.batch_alter_table("opinions") as table:
            table.alter_column("key", existing_type=sa.String(length=20), nullable=False)
            table.create_unique_constraint(UNIQUE, ["key"])


def _need_every_key(session: Session, keys: Keys) -> None:
    """Stop before anything is changed where a key is missing."""
    for name in session.scalars(sa.select(sealing_keys.c.name)):
        keys.key(name)


def _make_room(inspector: sa.Inspector) -> None:
    if not inspector.has_table("facts"):
        create_table(
            "facts",
            sa.Column("name", sa.String(40), primary_key=True),
            sa.Column("value", sa.String(100), nullable=False),
            sa.Column("signature", sa.String(72), nullable=False),
        )
    if "key" not in columns_of(inspector, "opinions"):
        op.add_column("opinions", sa.Column("key", sa.String(length=20), nullable=True))


def _note_that_plain_films_are_read(session: Session, keys: Keys) -> None:
    """Let an installation that has films read those from before there were keys, until they are encrypted."""
    done = session.scalar(sa.select(facts.c.name).where(facts.c.name == "plain films"))
    if done is None and session.scalar(sa.select(films.c.id).limit(1)) is not None:
        signature = keys.sign("facts", "plain films\0read")
        session.execute(sa.insert(facts).values(name="plain films", value="read", signature=signature))


def _bind(session: Session, keys: Keys, table: sa.TableClause, columns: tuple[str, ...]) -> None:
    for rows in batches(session, sa.select(table)):
        for row in rows:
            values = _bound(row._asdict(), keys, table.name, columns)
            if values:
                session.execute(sa.update(table).where(table.c.id == row.id).values(values))
        commit_batch(session)


def _bound(row: dict[str, Any], keys: Keys, table: str, columns: tuple[str, ...]) -> dict[str, Any]:
    """Return what changes in a row: its values encrypted for it, and its key if it had none."""
    key = row["key"] or secrets.token_hex(10)
    values: dict[str, Any] = {} if row["key"] else {"key": key}
    for name in columns:
        if row[name] and row[name].startswith(FIRST_MARK):
            try:
                plain = keys.decrypt(row[name], f"{table}.{name}", (FIRST_MARK,))
            except MissingKeyError:
                raise
            except EncryptionError:
                continue  # it was changed or moved: it stays as it is and opens nowhere, and `db check` names it
            values[name] = keys.encrypt(plain, f"{table}.{name} {key}")
    return values
