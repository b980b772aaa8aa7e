"""What identifies a patient is encrypted, and found by blind index.

Killed halfway on MySQL or MariaDB, where each change of a table stands by itself, the step goes on where it stood.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.orm import Session

from lungwise.store.encryption import keys_of
from lungwise.store.keys import FIRST_MARK, Keys, is_encrypted
from lungwise.store.migrations.batches import batches
from lungwise.store.migrations.tables import columns_of, create_table, uniques_of

revision = "0006"
down_revision = "0005"

OLD_UNIQUE, NEW_UNIQUE = "uq_patients_clinic_id_identifier", "uq_patients_clinic_id_identifier_index"

patients = sa.table(
    "patients",
    sa.column("id", sa.Integer),
    sa.column("clinic_id", sa.Integer),
    sa.column("identifier", sa.LargeBinary),
    sa.column("name", sa.LargeBinary),
    sa.column("birth_date", sa.LargeBinary),
    sa.column("identifier_index", sa.String),
)
patient_words = sa.table(
    "patient_words",
    sa.column("clinic_id", sa.Integer),
    sa.column("word", sa.String),
    sa.column("patient_id", sa.Integer),
)
opinions = sa.table("opinions", sa.column("id", sa.Integer), sa.column("note", sa.LargeBinary))


def upgrade() -> None:
    """Apply the step."""
    inspector = sa.inspect(op.get_bind())
    if not inspector.has_table("sealing_keys"):
        create_table(
            "sealing_keys",
            sa.Column("name", sa.String(8), primary_key=True),
        )
    _make_room(inspector)
    session = Session(op.get_bind())
    _encrypt_patients(session, keys_of(session))
    _encrypt_opinions(session, keys_of(session))
    if NEW_UNIQUE not in uniques_of(inspector, "patients"):
        with op.batch_alter_table("patients") as table:
            table.alter_column("identifier_index", existing_type=sa.String(length=40), nullable=False)
            table.create_unique_constraint(NEW_UNIQUE, ["clinic_id", "identifier_index"])
    if op.get_bind().dialect.name == "mysql":
        for name in ("patients", "patient_words", "opinions"):
            op.execute(f"ALTER TABLE {name} FORCE")  # its old pages hold what stood there before


def _make_room(inspector: sa.Inspector) -> None:
    """Turn texts and dates into the bytes that they are written as."""
    with op.batch_alter_table("patients") as table:
        if OLD_UNIQUE in uniques_of(inspector, "patients"):
            table.drop_constraint(OLD_UNIQUE, type_="unique")
        table.alter_column("identifier", existing_type=sa.String(64), type_=sa.LargeBinary(), existing_nullable=False)
        table.alter_column("name", existing_type=sa.String(200), type_=sa.LargeBinary(), existing_nullable=False)
        table.alter_column("birth_date", existing_type=sa.Date(), type_=sa.LargeBinary(), existing_nullable=True)
        if "identifier_index" not in columns_of(inspector, "patients"):
            table.add_column(sa.Column("identifier_index", sa.String(length=40), nullable=True))
    with op.batch_alter_table("opinions") as table:
        table.alter_column("note", existing_type=sa.Text(), type_=sa.LargeBinary(), existing_nullable=False)


def _encrypt_patients(session: Session, keys: Keys) -> None:
    """Encrypt those who are plain: all of them or, if an earlier run came this far, none."""
    words_are_plain = True
    for rows in batches(session, sa.select(patients).where(patients.c.identifier_index.is_(None))):
        if words_are_plain:
            session.execute(sa.delete(patient_words))
            words_are_plain = False
        for row in rows:
            session.execute(sa.update(patients).where(patients.c.id == row.id).values(_encrypted(row, keys)))
        session.execute(sa.insert(patient_words), [word for row in rows for word in _words(row, keys)])


def _encrypted(row: sa.Row[Any], keys: Keys) -> dict[str, Any]:
    return {
        "identifier": keys.encrypt(row.identifier, "patients.identifier", FIRST_MARK),
        "identifier_index": keys.index(f"patients.identifier {row.clinic_id}", row.identifier.decode()),
        "name": keys.encrypt(row.name, "patients.name", FIRST_MARK),
        "birth_date": keys.encrypt(row.birth_date, "patients.birth_date", FIRST_MARK) if row.birth_date else None,
    }


def _words(row: sa.Row[Any], keys: Keys) -> Iterator[dict[str, Any]]:
    name, identifier = row.name.decode(), row.identifier.decode()
    for word in {*_words_of(name), *_words_of(identifier), identifier.casefold()[:64]}:
        index = keys.index(f"patient_words.word {row.clinic_id}", word)
        yield {"clinic_id": row.clinic_id, "word": index, "patient_id": row.id}


def _words_of(text: str) -> list[str]:
    """Split as `patients.service.words_of` did when this step was written: a step never changes."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(letter for letter in decomposed if not "\u0300" <= letter <= "\u036f")
    return [word[:64] for word in re.split(r"[\s,.;^/'\u2019\"()\-_]+", plain) if word]


def _encrypt_opinions(session: Session, keys: Keys) -> None:
    for rows in batches(session, sa.select(opinions)):
        for row in rows:
            if not is_encrypted(row.note):
                note = keys.encrypt(row.note, "opinions.note", FIRST_MARK)
                session.execute(sa.update(opinions).where(opinions.c.id == row.id).values(note=note))
