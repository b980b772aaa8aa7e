"""A clinic arrives: its films are kept first, and then everything else in one transaction, or nothing.

Films that no row names are seen by nobody. A run that is killed leaves some, at most; the same command run again finds
those that are there already, and `lungwise db check --clean` takes away what nobody came back for.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain, takewhile
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session

from lungwise.accounts.second_factor_keys import SecondFactorKeys
from lungwise.audit.actions import Action, Subject
from lungwise.audit.moved_entries import MovedEntries
from lungwise.audit.service import AuditTrail
from lungwise.clinics.service import Clinic, clinic_alike
from lungwise.moving.closing import Closing, operator_of, receipt_of
from lungwise.moving.package import MoveError, PackageReader, Part
from lungwise.moving.row_writer import RowWriter
from lungwise.moving.rows import from_lines
from lungwise.moving.tables import CLINICS
from lungwise.settings import Settings
from lungwise.store import Clock, Database, EncryptionError, FilmStore, is_collision
from lungwise.store.backup import note_arrival
from lungwise.store.migrations import schema_of
from lungwise.store.named_files import folders, named_files

Report = Callable[[str, int, int], None]
Reindex = Callable[[Session, int], None]
"""Indexes a clinic's patients and films anew, with this installation's keys."""
_SPARE_BYTES = 64 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """What came. `again` says that the package had come before: its films are those that were lost, and came back."""

    clinic: str
    package: str
    receipt: str
    films: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    audit_entries: int = 0
    audit_digest: str = ""
    again: bool = False


class ClinicArrival:
    """Takes packages in."""

    def __init__(
        self,
        database: Database,
        store: FilmStore,
        settings: Settings,
        clock: Clock,
        reindex: Reindex,
        report: Report,
    ) -> None:
        self._database = database
        self._store = store
        self._settings = settings
        self._clock = clock
        self._reindex = reindex
        self._report = report
        self._second_factors = SecondFactorKeys(settings)

    def run(self, file: Path, passphrase: str) -> Arrived:
        """Take a clinic in from a package, and return the receipt for the source.

        A package that came before gives back the films that are lost: with the receipt the source deletes its own.

        Raises
        ------
        MoveError
            If the clinic, one of its accounts or studies exists here already, the package is of another schema, was
            changed or is cut off, the passphrase is wrong, or the disk is too small. Nothing of it is seen then.
        """
        with file.open("rb") as stream:
            reader = PackageReader(stream, passphrase)
            parts = _sound(reader.parts(), reader)
            manifest = _head(next(parts, None), "manifest")
            if before := self._before(manifest, parts, reader):
                return before
            self._check(manifest, file.stat().st_size)
            put: list[tuple[str, str]] = []
            try:
                first = self._take_films(parts, reader, manifest, put)
                return self._take_rows(first, parts, reader, manifest)
            except BaseException as error:
                with suppress(SQLAlchemyError, OSError):  # what is left over is found by the next run, or by db check
                    self._remove(put, manifest)
                raise _said(error) from error

    def _remove(self, put: list[tuple[str, str]], manifest: dict[str, Any]) -> None:
        """Remove films, unless their rows are committed though the answer to that was lost."""
        with self._database.writing() as session:
            query = select(Clinic).where(Clinic.name == manifest["clinic"])
            clinic = session.scalar(query.with_for_update())  # waits for a commit that is still under way
            if clinic is None or self._closing(session).receipt(clinic.id)[0] != manifest["package"]:
                for folder, name in put:
                    self._store.remove(folder, name)

    def _before(self, manifest: dict[str, Any], parts: Iterator[Part], reader: PackageReader) -> Arrived | None:
        """Return what came with the same package before, and is whole: a run whose answer was lost is run again."""
        with self._database.reading() as session:
            clinic = session.scalar(select(Clinic).where(Clinic.name == manifest["clinic"]))
            if clinic is None:
                return None
            package, receipt = self._closing(session).receipt(clinic.id)
            named = set(named_files(session, clinic.id))
        if package != manifest["package"]:
            raise MoveError(
                f"There is a clinic {manifest['clinic']} here already. Rename it, or export the other anew."
            )
        films = self._put_back(parts, reader, manifest, named)
        return Arrived(clinic=clinic.name, package=package, receipt=receipt, films=films, again=True)

    def _put_back(
        self, parts: Iterator[Part], reader: PackageReader, manifest: dict[str, Any], named: set[tuple[str, str]]
    ) -> int:
        """Put back the films that rows here name and the store has lost, and return how many."""
        put: list[tuple[str, str]] = []
        for done, part in enumerate(takewhile(_is_film, parts), start=1):
            folder, name = part.head["folder"], part.head["name"]
            reader.what = f"the film after {name} of study {folder}"
            if (folder, name) in named:
                try:
                    self._put(folder, name, part.data, put)
                except OSError as error:
                    raise MoveError(f"A lost film cannot be put back: {error}. Run the same command again.") from error
            self._report("Films", done, manifest["films"])
        return len(put)

    def _check(self, manifest: dict[str, Any], needed: int) -> None:
        with self._database.reading() as session:
            schema = schema_of(session.connection())
            alike = clinic_alike(manifest["clinic"], session.scalars(select(Clinic)))
        if alike:
            raise MoveError(
                f"There is a clinic with almost this name here already: {alike.name}. Rename it, or export the other "
                "anew."
            )
        if manifest["schema"] != schema:
            raise MoveError(
                f"This package is of schema {manifest['schema']} (Lungwise {manifest['lungwise']}), and this "
                f"installation has {schema}. Bring both to the same release, and export again."
            )
        folder, needed = self._settings.data_folder, needed + _SPARE_BYTES
        if not self._settings.films_url:
            folder = self._settings.films_folder
        if needed > (free := shutil.disk_usage(folder).free):
            raise MoveError(f"The clinic needs {needed >> 20} MB, and {folder} has {free >> 20} MB left.")

    def _take_films(
        self, parts: Iterator[Part], reader: PackageReader, manifest: dict[str, Any], put: list[tuple[str, str]]
    ) -> Part | None:
        """Keep the films, and return the part after them."""
        reader.what, known, done = "the films", "", 0
        for part in parts:
            if not _is_film(part):
                return part
            folder, name = part.head["folder"], part.head["name"]
            if folder != known:
                self._require_new(folder)
            known, done = folder, done + 1
            reader.what = f"the film after {name} of study {folder}"
            self._put(folder, name, part.data, put)
            self._report("Films", done, manifest["films"])
        return None

    def _require_new(self, folder: str) -> None:
        with self._database.reading() as session:
            if folders(session, folder):
                raise MoveError(f"There is a study {folder} here already: is this a copy of the same installation?")

    def _put(self, folder: str, name: str, data: bytes, put: list[tuple[str, str]]) -> None:
        if self._store.name_of(data) != name:
            raise MoveError(f"Film {name} of study {folder} is not what its name says. Export the clinic again.")
        if not self._store.holds(folder, name) or self._store.is_lost(folder, name):
            put.append((folder, name))
            self._store.put(folder, data, name, anew=True)

    def _take_rows(
        self, first: Part | None, parts: Iterator[Part], reader: PackageReader, manifest: dict[str, Any]
    ) -> Arrived:
        """Write everything that is no film in one transaction."""
        receipt = receipt_of(manifest["secret"], manifest["package"])
        with self._database.writing() as session:
            audit = AuditTrail(session, self._clock, "command line")
            writer = RowWriter(session, self._second_factors)
            entries = MovedEntries(session, audit, writer.numbers(CLINICS), writer.numbers("users"))
            end = self._write_parts(writer, entries, chain([first] if first else [], parts), reader)
            writer.finish()
            self._reindex(session, writer.clinic_id)
            said, by = entries.digest, operator_of(writer.clinic_id)
            audit.record(by, Action.MOVED_HERE, Subject.AUDIT_TRAIL, said.text, said.count)
            note_arrival(session)
            self._closing(session).keep_receipt(writer.clinic_id, manifest["package"], receipt)
        return Arrived(
            clinic=manifest["clinic"],
            package=manifest["package"],
            receipt=receipt,
            films=end["films"],
            rows=end["rows"],
            audit_entries=end["entries"],
            audit_digest=end["digest"],
        )

    def _write_parts(
        self, writer: RowWriter, entries: MovedEntries, parts: Iterator[Part], reader: PackageReader
    ) -> dict[str, Any]:
        """Write rows and entries, and return the package's end, which says how many they must be."""
        for part in parts:
            kind, table = part.head["part"], part.head.get("table", "the audit trail")
            if kind == "end":
                break
            reader.what = f"the rows of {table}"
            if kind == "rows":
                writer.add(table, from_lines(part.data))
                self._report(f"Rows of {table}", writer.counts[table], writer.counts[table])
            else:
                entries.add(from_lines(part.data))
        else:
            raise MoveError("The package has no end. Export the clinic again.")
        expected = {name: count for name, count in part.head["rows"].items() if count}
        if next(parts, None) or writer.counts != expected or entries.digest.text != part.head["digest"]:
            raise MoveError("The package does not hold what its end says. Export the clinic again.")
        return part.head

    def _closing(self, session: Session) -> Closing:
        return Closing(session, self._clock, AuditTrail(session, self._clock, "command line"))


def _sound(parts: Iterator[Part], reader: PackageReader) -> Iterator[Part]:
    """Pass parts through. One that opens and is not as it should be comes from another program."""
    try:
        yield from parts
    except json.JSONDecodeError as error:
        raise MoveError(f"The package is not as it should be, in {reader.what}. Export the clinic again.") from error


def _is_film(part: Part) -> bool:
    return bool(part.head["part"] == "film")


def _head(part: Part | None, what: str) -> dict[str, Any]:
    if part is None or part.head.get("part") != what:
        raise MoveError(f"The package has no {what}. Export the clinic again.")
    return part.head


def _said(error: BaseException) -> BaseException:
    """Say in a sentence what the database or the disk refuses."""
    if isinstance(error, IntegrityError):
        return MoveError(
            "Something of this clinic exists here already: an account with the same e-mail address, or a study. "
            "Nothing was imported. See: lungwise users list"
        )
    if isinstance(error, SQLAlchemyError) and is_collision(error):
        return MoveError("The database was busy with others. Nothing was imported. Run the same command again.")
    if isinstance(error, OSError) and not isinstance(error, EncryptionError):
        return MoveError(f"The films cannot be kept: {error}. Nothing was imported.")
    return error
