"""The audit trail's chain, which was made without a key, is verified and made anew with one.

It commits batch by batch. Killed halfway, the step goes on where it stood: until it has ended an entry may have the
hash of the old chain or of the new one, and each is computed from the entries alone.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.orm import Session

from lungwise.store.database import Moment
from lungwise.store.encryption import keys_of
from lungwise.store.migrations.batches import commit_batch
from lungwise.store.migrations.tables import columns_of, create_table

revision = "0011"
down_revision = "0010"

ROWS_AT_ONCE = 1000
START = "0" * 64
SIGNED = ("id", "at", "clinic_id", "person_id", "person_name", "address", "deed", "subject", "subject_key", "times")

entries = sa.table(
    "audit_entries", *(sa.column(name, Moment() if name == "at" else None) for name in (*SIGNED, "hash"))
)
heads = sa.table("audit_head", *map(sa.column, ("id", "entries", "hash", "key", "broken_at", "signature")))


def upgrade() -> None:
    """Apply the step."""
    session = Session(op.get_bind())
    _make_room(sa.inspect(op.get_bind()))
    head = session.execute(sa.select(heads)).one_or_none()
    if head is not None and not head.key:
        broken_at = head.broken_at or _first_break(session, head)
        session.execute(sa.update(heads).values(broken_at=broken_at))
        commit_batch(session)
        _key(session, broken_at)
    with op.batch_alter_table("audit_head") as table:
        table.alter_column("key", existing_type=sa.String(length=8), nullable=False)
        table.alter_column("signature", existing_type=sa.String(length=64), nullable=False)


def _make_room(inspector: sa.Inspector) -> None:
    if not inspector.has_table("audit_keys"):
        create_table(
            "audit_keys",
            sa.Column("id", sa.Integer, primary_key=True),
            sa.Column("name", sa.String(8), nullable=False, unique=True),
            sa.Column("secret", sa.LargeBinary(), nullable=False),
        )
    known = columns_of(inspector, "audit_head")
    kinds: dict[str, sa.types.TypeEngine[Any]] = {
        "key": sa.String(length=8),
        "broken_at": sa.Integer(),
        "signature": sa.String(length=64),
    }
    for name, kind in kinds.items():
        if name not in known:
            op.add_column("audit_head", sa.Column(name, kind, nullable=True))


def _first_break(session: Session, head: sa.Row[Any]) -> int | None:
    """Name the first entry at which the chain does not hold."""
    number, old = 0, START
    for row, old_hash, new_hash in _chains(session):
        number += 1
        if row.id != number or row.hash not in (old_hash, new_hash):
            return number
        old = old_hash
    return None if (head.entries, head.hash) == (number, old) else number + 1


def _key(session: Session, broken_at: int | None) -> None:
    """Set every entry's keyed hash, and sign the end."""
    last, hash_ = 0, START
    changes: list[dict[str, Any]] = []
    change = sa.update(entries).where(entries.c.id == sa.bindparam("row")).values(hash=sa.bindparam("new"))
    for row, _old, hash_ in _chains(session):
        last = row.id
        changes.append({"row": row.id, "new": hash_})
        if len(changes) == ROWS_AT_ONCE:
            session.connection().execute(change, changes)
            commit_batch(session)
            changes.clear()
    if changes:
        session.connection().execute(change, changes)
    name = keys_of(session).names[0]
    end = {"entries": last, "hash": hash_, "key": name, "broken_at": broken_at}
    signature = _sign(_secret(session), "end", end)
    session.execute(sa.update(heads).values(entries=last, hash=hash_, key=name, signature=signature))
    commit_batch(session)


def _chains(session: Session) -> Iterator[tuple[sa.Row[Any], str, str]]:
    """Walk over the entries with the hash that each has in the old chain, and in the new one."""
    secret, old, new, last = _secret(session), START, START, 0
    query = sa.select(entries).order_by(entries.c.id).limit(ROWS_AT_ONCE)
    while rows := list(session.execute(query.where(entries.c.id > last))):
        for row in rows:
            fields = [row.id, row.at.isoformat(), *row[2 : len(SIGNED)]]
            old, new = _old_hash([old, *fields]), _sign(secret, "entry", [new, *fields])
            yield row, old, new
        last = rows[-1].id


def _old_hash(fields: list[Any]) -> str:
    if fields[-1] is None:
        fields = fields[:-1]  # entries written before one could stand for many deeds
    return hashlib.sha256(json.dumps(fields, ensure_ascii=False).encode()).hexdigest()


def _secret(session: Session) -> bytes:
    return keys_of(session).all[0].derived("audit")


def _sign(secret: bytes, what: str, fields: object) -> str:
    """Sign as `audit.chain` did when this step was written: a step never changes."""
    return hmac.digest(secret, f"{what}\0{json.dumps(fields, ensure_ascii=False)}".encode(), "sha256").hex()
