"""A clinic is exported: it is closed for writing, and everything of it is written into one package."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lungwise import __version__
from lungwise.accounts.second_factor_keys import SecondFactorKeys
from lungwise.audit.actions import Action, Subject
from lungwise.audit.moved_entries import EntriesDigest, entries_of
from lungwise.audit.service import AuditTrail
from lungwise.moving.closing import Closing, operator_of, receipt_of
from lungwise.moving.package import MoveError, PackageWriter
from lungwise.moving.rows import AT_ONCE, Values, in_lines, rows_of
from lungwise.moving.tables import is_of_clinic, moved_tables
from lungwise.settings import Settings
from lungwise.store import Clock, Database, EncryptionError, FilmStore, new_key
from lungwise.store.disk import written_whole
from lungwise.store.migrations import schema_of
from lungwise.store.named_files import named_files

if TYPE_CHECKING:
    from collections.abc import Iterator

Report = Callable[[str, int, int], None]
_SPARE_BYTES = 64 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What a package holds."""

    clinic: str
    package: str
    films: int
    rows: dict[str, int]
    audit_entries: int
    audit_digest: str
    bytes: int


class ClinicExport:
    """Writes packages.

    Parameters
    ----------
    report
        Called with what is being done, how much is done, and of how much.
    """

    def __init__(self, database: Database, store: FilmStore, settings: Settings, clock: Clock, report: Report) -> None:
        self._database = database
        self._store = store
        self._clock = clock
        self._report = report
        self._second_factors = SecondFactorKeys(settings)

    def run(self, name: str, file: Path, passphrase: str) -> Exported:
        """Close a clinic and write its package. The file is whole or absent.

        Raises
        ------
        MoveError
            If there is no such clinic or folder, the audit trail is broken, a film is damaged, or the disk is too
            small.
        """
        if not file.parent.is_dir():
            raise MoveError(f"The folder {file.parent} does not exist. {name} stays open.")
        clinic_id = self._database.transact(lambda session: self._closing(session).close(name))
        try:
            with written_whole(file) as out:
                with self._database.snapshot() as session:
                    self._check(session, clinic_id, file.parent)
                    exported, receipt = self._write(session, clinic_id, name, out, passphrase)
                self._database.transact(lambda session: self._note(session, clinic_id, exported, receipt))
        except OSError as error:
            raise MoveError(f"The package cannot be written: {error}") from error
        return exported

    def _closing(self, session: Session) -> Closing:
        return Closing(session, self._clock, AuditTrail(session, self._clock, "command line"))

    def _check(self, session: Session, clinic_id: int, folder: Path) -> None:
        if found := AuditTrail(session, self._clock).verify():
            raise MoveError(f"The audit trail breaks at entry {found.entry}: {found.reason}. Nothing was exported.")
        needed, free = _film_bytes(session, clinic_id) + _SPARE_BYTES, shutil.disk_usage(folder).free
        if needed > free:
            raise MoveError(f"The package needs {needed >> 20} MB, and {folder} has {free >> 20} MB left.")

    def _write(
        self, session: Session, clinic_id: int, name: str, out: BinaryIO, passphrase: str
    ) -> tuple[Exported, str]:
        package, secret = new_key(), secrets.token_hex(32)
        writer = PackageWriter(out, passphrase)
        writer.add(self._manifest(session, clinic_id, name, package, secret))
        films = self._write_films(session, writer, clinic_id)
        rows = {table.name: self._write_rows(session, writer, table.name, clinic_id) for table in moved_tables()}
        digest = _write_entries(session, writer, clinic_id)
        writer.add({"part": "end", "films": films, "rows": rows, "entries": digest.count, "digest": digest.text})
        writer.finish()
        exported = Exported(
            clinic=name,
            package=package,
            films=films,
            rows=rows,
            audit_entries=digest.count,
            audit_digest=digest.text,
            bytes=out.tell(),
        )
        return exported, receipt_of(secret, package)

    def _manifest(self, session: Session, clinic_id: int, name: str, package: str, secret: str) -> dict[str, Any]:
        entries, head = AuditTrail(session, self._clock).head()
        return {
            "part": "manifest",
            "lungwise": __version__,
            "schema": schema_of(session.connection()),
            "clinic": name,
            "package": package,
            "secret": secret,
            "films": len(named_files(session, clinic_id)),
            "bytes": _film_bytes(session, clinic_id),
            "source_trail": {"entries": entries, "head": head},
        }

    def _write_films(self, session: Session, writer: PackageWriter, clinic_id: int) -> int:
        named = named_files(session, clinic_id)
        for done, (folder, film) in enumerate(named, start=1):
            with _whole(folder, film):
                data = self._store.get(folder, film)
            writer.add({"part": "film", "folder": folder, "name": film}, data)
            self._report("Films", done, len(named))
        return len(named)

    def _write_rows(self, session: Session, writer: PackageWriter, name: str, clinic_id: int) -> int:
        count = 0
        table = next(one for one in moved_tables() if one.name == name)
        for rows in rows_of(session, table, clinic_id):
            if name == "users":
                rows = list(map(self._with_open_factor, rows))
            writer.add({"part": "rows", "table": name, "count": len(rows)}, in_lines(rows))
            count += len(rows)
            self._report(f"Rows of {name}", count, count)
        return count

    def _with_open_factor(self, row: Values) -> Values:
        sealed = row["tf_totp_secret"]
        return row | {"tf_totp_secret": self._second_factors.open(sealed) if sealed else sealed}

    def _note(self, session: Session, clinic_id: int, exported: Exported, receipt: str) -> None:
        """Keep which receipt will come, before the package is there under its name."""
        audit = AuditTrail(session, self._clock, "command line")
        digest, count = exported.audit_digest, exported.audit_entries
        audit.record(operator_of(clinic_id), Action.MOVED_AWAY, Subject.AUDIT_TRAIL, digest, count)
        self._closing(session).expect(clinic_id, receipt)


@contextmanager
def _whole(folder: str, film: str) -> Iterator[None]:
    try:
        yield
    except (EncryptionError, FileNotFoundError) as error:
        raise MoveError(
            f"Film {film} of study {folder} is missing or damaged. See: lungwise db check. Nothing was exported."
        ) from error


def _write_entries(session: Session, writer: PackageWriter, clinic_id: int) -> EntriesDigest:
    digest, waiting = EntriesDigest(), list[Values]()
    for entry in entries_of(session, clinic_id):
        digest.add(entry)
        waiting.append(entry)
        if len(waiting) == AT_ONCE:
            writer.add({"part": "entries"}, in_lines(waiting))
            waiting.clear()
    if waiting:
        writer.add({"part": "entries"}, in_lines(waiting))
    return digest


def _film_bytes(session: Session, clinic_id: int) -> int:
    """Sum up the sizes of a clinic's files, by the column that each table of files has."""
    sized = [table for table in moved_tables() if {"sha256", "size"} <= set(table.c.keys())]
    sums = (select(func.coalesce(func.sum(one.c.size), 0)).where(is_of_clinic(one, clinic_id)) for one in sized)
    return sum(int(session.scalar(query) or 0) for query in sums)
