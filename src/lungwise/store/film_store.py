"""The film store: every film's bytes in one file, named by their SHA-256, outside every static folder."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path


class FilmStore:
    """Films on a local disk.

    A study has one folder; in it a film is named by the SHA-256 of its bytes. Studies share no
    file, so deleting one deletes its films and touches nothing else.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def put(self, study: str, data: bytes) -> str:
        """Keep a film and return its SHA-256. When this returns, the film survives a power cut.

        Raises
        ------
        OSError
            If the disk refuses.
        """
        name = hashlib.sha256(data).hexdigest()
        path = self._path(study, name)
        if not path.exists():
            # Never the root: where a mount is away, what lay beneath it would be hidden when it is back.
            for folder in (path.parent.parent, path.parent):
                folder.mkdir(exist_ok=True, mode=0o700)
            _write_whole(path, data)
            _sync_folder(path.parent.parent)
        return name

    def get(self, study: str, name: str) -> bytes:
        """Give a film's bytes back, checked against its name.

        Raises
        ------
        OSError
            If the film is not there, or its bytes are no longer those that were kept.
        """
        data = self._path(study, name).read_bytes()
        if hashlib.sha256(data).hexdigest() != name:
            raise OSError(f"Film {name} is damaged on disk. Restore it from a backup.")
        return data

    def delete(self, study: str) -> None:
        """Delete every film of a study."""
        shutil.rmtree(self._folder(study), ignore_errors=True)

    def films(self) -> Iterator[tuple[str, str]]:
        """Walk over every kept film: its study and its name."""
        for path in self.folder.glob("??/*/*"):
            if not path.name.startswith("."):
                yield path.parent.name, path.name

    def writable(self) -> bool:
        """Say whether a film could be kept now."""
        try:
            with tempfile.TemporaryFile(dir=self.folder):
                return True
        except OSError:
            return False

    def _folder(self, study: str) -> Path:
        if not (study.isascii() and study.isalnum()):
            raise ValueError(f"{study!r} names no study.")
        return self.folder / study[:2] / study

    def _path(self, study: str, name: str) -> Path:
        if not (name.isascii() and name.isalnum()):
            raise ValueError(f"{name!r} names no film.")
        return self._folder(study) / name


def _write_whole(path: Path, data: bytes) -> None:
    """Write so that the name never stands for half a film."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
