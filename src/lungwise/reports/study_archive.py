"""The archive of old studies: one encrypted file for each, which outlives the study."""

from __future__ import annotations

import io
import os
import re
from pathlib import Path

from lungwise.access import Person
from lungwise.errors import Rejected
from lungwise.reports.patient_export import PatientExport
from lungwise.store import EncryptionError
from lungwise.store.disk import sync_folder
from lungwise.store.keys import Keys

_NAME = re.compile(r"(\d+)-([0-9a-f]{20})\.lungwise")


class StudyArchive:
    """A folder of archived studies.

    Each file is the study's export, encrypted with the installation's keys: `open_archived` opens it.
    """

    def __init__(self, folder: Path, keys: Keys, export: PatientExport) -> None:
        self._folder = folder
        self._keys = keys
        self._export = export

    def keep(self, person: Person, key: str, clinic: str) -> Path:
        """Write a study's file. When this returns, it survives a power cut.

        Raises
        ------
        Unavailable
            If the store does not give a film.
        Rejected
            If it cannot be written.
        """
        out = io.BytesIO()
        self._export.write_study(person, key, clinic, out)
        file = self._folder / f"{person.clinic_id}-{key}.lungwise"
        data = self._keys.encrypt(out.getvalue(), _context(file))
        try:
            self._write(file, data)
        except OSError as error:
            raise Rejected(
                "Nothing can be written to %(folder)s, the folder for archived studies (%(fault)s). "
                "The study stays: give the service that folder, and room in it.",
                folder=str(self._folder),
                fault=os.strerror(error.errno or 0),
            ) from error
        return file

    def _write(self, file: Path, data: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        unfinished = file.with_suffix(".part")
        unfinished.unlink(missing_ok=True)
        unfinished.touch(mode=0o600)
        with unfinished.open("wb") as written:
            written.write(data)
            written.flush()
            os.fsync(written.fileno())
        unfinished.replace(file)
        sync_folder(self._folder)


def open_archived(file: Path, keys: Keys) -> bytes:
    """Return the ZIP file that an archived study is.

    Raises
    ------
    Rejected
        If it is not one, was changed or renamed, or its key is missing.
    """
    try:
        return keys.decrypt(file.read_bytes(), _context(file))
    except EncryptionError as error:
        raise Rejected("This file is not an archived study, was changed, or its key is missing.") from error


def _context(file: Path) -> str:
    found = _NAME.fullmatch(file.name)
    if found is None:
        raise Rejected("An archived study is named by its clinic and its key, as 1-0123456789abcdef0123.lungwise.")
    return f"archived study/{found[1]}/{found[2]}"
