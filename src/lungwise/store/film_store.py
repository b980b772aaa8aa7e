"""The film store: every film encrypted in one file, named by the SHA-256 of its bytes, outside every static folder."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from lungwise.settings import Settings
from lungwise.store import plain_films
from lungwise.store.blobs import blob_store
from lungwise.store.keys import FIRST_MARK, HEADER, MARK, EncryptionError, Keys, MissingKeyError, is_encrypted

_QUARANTINE = "quarantine/"
"""The prefix of the paths of files that will be deleted; no film's path begins with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """A file of the store. The name of an unfinished one begins with a dot."""

    study: str
    name: str
    since: datetime
    path: str


class FilmStore:
    """The films of an installation, on a local disk or in a bucket.

    A study has one folder; in it a film is named by the SHA-256 of its bytes. Studies share no
    file, so deleting one deletes its films and touches nothing else. A film can be decrypted only
    in its own study and under its own name. Films from before there were keys are read until an
    upgrade has encrypted them; see `plain_films`.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._blobs = blob_store(settings)
        self.keys = Keys(settings)

    @staticmethod
    def name_of(data: bytes) -> str:
        """Return the name of a film in the store: its SHA-256."""
        return hashlib.sha256(data).hexdigest()

    def put(self, study: str, data: bytes, name: str = "", *, anew: bool = False) -> str:
        """Store a film and return its SHA-256. When this returns, the film survives a power cut.

        Parameters
        ----------
        name
            Its SHA-256, where that is known.
        anew
            Whether a file that is there is replaced, since it is damaged.

        Raises
        ------
        OSError
            If the disk or the bucket refuses.
        """
        name = name or self.name_of(data)
        path = _path(study, name)
        if anew or not self._blobs.holds(path):
            self._blobs.write(path, self.keys.encrypt(data, _context(study, name)))
        return name

    def get(self, study: str, name: str) -> bytes:
        """Return a film's bytes, checked to be those that were stored under its name.

        Raises
        ------
        OSError
            If the film or its key is missing, or its bytes are no longer those that were stored.
        """
        return self._decrypted(study, name, self._blobs.read(_path(study, name)))

    def holds(self, study: str, name: str) -> bool:
        """Return whether a film is stored."""
        return self._blobs.holds(_path(study, name))

    def is_lost(self, study: str, name: str) -> bool:
        """Return whether a film's file is missing, or no longer what was stored.

        Raises
        ------
        OSError
            If the store does not say: it may give the film later.
        """
        try:
            self.get(study, name)
        except MissingKeyError:
            return False
        except (FileNotFoundError, EncryptionError):
            if not self.writable():  # a disk that is not mounted has no file either
                raise
            return True
        return False

    def remove(self, study: str, name: str) -> None:
        """Delete one film of a study."""
        self._blobs.remove(_path(study, name))

    def delete(self, study: str) -> None:
        """Delete every film of a study."""
        self._blobs.delete(_folder(study))

    def films(self) -> Iterator[tuple[str, str]]:
        """Yield the study and the name of every stored film."""
        return ((file.study, file.name) for file in self.files() if not file.name.startswith("."))

    def files(self) -> Iterator[StoredFile]:
        """Yield every file, unfinished ones included."""
        return self._files("")

    def quarantined(self) -> Iterator[StoredFile]:
        """Yield every file in quarantine; its time is that of its move there."""
        return self._files(_QUARANTINE)

    def quarantine(self, file: StoredFile) -> None:
        """Move a file into quarantine, where no film is looked up."""
        self._blobs.move(file.path, _QUARANTINE + file.path)

    def bring_back(self, file: StoredFile) -> None:
        """Move a file out of quarantine, to where its film is looked up."""
        self._blobs.move(file.path, _path(file.study, file.name))

    def purge(self, file: StoredFile) -> None:
        """Delete a file."""
        self._blobs.remove(file.path)

    def writable(self) -> bool:
        """Return whether a film could be stored now."""
        return self._blobs.writable()

    def encrypted(self, study: str, name: str) -> bytes:
        """Return a film encrypted, after checking that it can be decrypted: for a backup."""
        stored = self._blobs.read(_path(study, name))
        data = self._decrypted(study, name, stored)
        return stored if is_encrypted(stored) else self.keys.encrypt(data, _context(study, name))

    def put_encrypted(self, study: str, name: str, encrypted: bytes) -> None:
        """Store a film that is encrypted already, after checking that it can be decrypted: from a backup."""
        self._decrypted(study, name, encrypted)
        self._blobs.write(_path(study, name), encrypted)

    def plain_films(self) -> Iterator[tuple[str, str]]:
        """Yield the films that are not encrypted."""
        return (film for film in self.films() if not is_encrypted(self._blobs.head(_path(*film), HEADER)))

    def is_stale(self, study: str, name: str) -> bool:
        """Return whether a film is plain, or encrypted with another key than the first."""
        head = self._blobs.head(_path(study, name), HEADER)
        return not is_encrypted(head) or head[len(MARK) :] != self.keys.header[len(MARK) :]

    def reencrypt(self, study: str, name: str) -> None:
        """Encrypt a film again with the first key."""
        self._blobs.write(_path(study, name), self.keys.encrypt(self.get(study, name), _context(study, name)))

    def _decrypted(self, study: str, name: str, stored: bytes) -> bytes:
        if is_encrypted(stored):  # authenticated: these are the bytes that were stored under this name
            return self.keys.decrypt(stored, _context(study, name), (MARK, FIRST_MARK))
        if not plain_films.are_read_in(self._settings):
            raise EncryptionError(f"Film {name} is not encrypted, as it should be. Restore it from a backup.")
        if self.name_of(stored) != name:
            raise EncryptionError(f"Film {name} is damaged. Restore it from a backup.")
        return stored

    def _files(self, prefix: str) -> Iterator[StoredFile]:
        for path, since in self._blobs.files(prefix):
            study, name = path.split("/")[-2:]
            yield StoredFile(study=study, name=name, since=since, path=path)


def _context(study: str, name: str) -> str:
    return f"film {study}/{name}"


def _folder(study: str) -> str:
    if not (study.isascii() and study.isalnum()):
        raise ValueError(f"{study!r} is not the key of a study.")
    return f"{study[:2]}/{study}"


def _path(study: str, name: str) -> str:
    if not (name.isascii() and name.isalnum()):
        raise ValueError(f"{name!r} is not the name of a film.")
    return f"{_folder(study)}/{name}"
