"""The film store: every film sealed in one file, named by the SHA-256 of its bytes, outside every static folder."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from lungwise.settings import Settings
from lungwise.store import plain_films
from lungwise.store.blobs import BlobStore, Folder
from lungwise.store.keys import FIRST_MARK, HEADER, MARK, Keys, SealError, is_sealed

_QUARANTINE = "quarantine/"
"""Before the path of a file that is on its way out: no film's path begins so."""


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file of the store: of which study, by which name, and since when. Unfinished, its name begins with a dot."""

    study: str
    name: str
    since: datetime
    path: str


class FilmStore:
    """The films of an installation, on a local disk or in a bucket.

    A study has one folder; in it a film is named by the SHA-256 of its bytes. Studies share no
    file, so deleting one deletes its films and touches nothing else. A film opens in its own
    study and under its own name alone. Films that were kept before there were keys are read
    until an upgrade has encrypted them; see `plain_films`.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._place = _place(settings)
        self._keys = Keys(settings)

    @staticmethod
    def name_of(data: bytes) -> str:
        """Give the name that a film has in the store: its SHA-256."""
        return hashlib.sha256(data).hexdigest()

    def put(self, study: str, data: bytes) -> str:
        """Keep a film and return its SHA-256. When this returns, the film survives a power cut.

        Raises
        ------
        OSError
            If the disk or the bucket refuses.
        """
        name = self.name_of(data)
        path = _path(study, name)
        if not self._place.holds(path):
            self._place.write(path, self._keys.seal(data, _about(study, name)))
        return name

    def get(self, study: str, name: str) -> bytes:
        """Give a film's bytes back, checked to be those that were kept under its name.

        Raises
        ------
        OSError
            If the film is not there, its key is missing, or its bytes are no longer those that were kept.
        """
        return self._opened(study, name, self._place.read(_path(study, name)))

    def holds(self, study: str, name: str) -> bool:
        """Say whether a film is kept."""
        return self._place.holds(_path(study, name))

    def remove(self, study: str, name: str) -> None:
        """Delete one film of a study."""
        self._place.remove(_path(study, name))

    def delete(self, study: str) -> None:
        """Delete every film of a study."""
        self._place.delete(_folder(study))

    def films(self) -> Iterator[tuple[str, str]]:
        """Walk over every kept film: its study and its name."""
        for path in self._place.paths():
            _begin, study, name = path.split("/")
            yield study, name

    def files(self) -> Iterator[KeptFile]:
        """Walk over every file, those of films that were never written to their end too."""
        return _kept_files(self._place.dated(""))

    def quarantined(self) -> Iterator[KeptFile]:
        """Walk over every file in quarantine, each since it is there."""
        return _kept_files(self._place.dated(_QUARANTINE))

    def quarantine(self, file: KeptFile) -> None:
        """Move a file into quarantine, where no film is looked for."""
        self._place.move(file.path, _QUARANTINE + file.path)

    def bring_back(self, file: KeptFile) -> None:
        """Move a file out of quarantine, to where its film is looked for."""
        self._place.move(file.path, _path(file.study, file.name))

    def purge(self, file: KeptFile) -> None:
        """Delete a file."""
        self._place.remove(file.path)

    def writable(self) -> bool:
        """Say whether a film could be kept now."""
        return self._place.writable()

    def sealed(self, study: str, name: str) -> bytes:
        """Give a film as it is kept, sealed, having checked that it opens: for a backup."""
        kept = self._place.read(_path(study, name))
        data = self._opened(study, name, kept)
        return kept if is_sealed(kept) else self._keys.seal(data, _about(study, name))

    def keep(self, study: str, name: str, sealed: bytes) -> None:
        """Keep a film that is sealed already, having checked that it opens: from a backup."""
        self._opened(study, name, sealed)
        self._place.write(_path(study, name), sealed)

    def plain_films(self) -> Iterator[tuple[str, str]]:
        """Walk over the films that are not encrypted."""
        return (film for film in self.films() if not is_sealed(self._place.head(_path(*film), HEADER)))

    def is_stale(self, study: str, name: str) -> bool:
        """Say whether a film lies plain, or sealed with another key than the first."""
        head = self._place.head(_path(study, name), HEADER)
        return not is_sealed(head) or head[len(MARK) :] != self._keys.header[len(MARK) :]

    def reseal(self, study: str, name: str) -> None:
        """Seal a film anew with the first key."""
        self._place.write(_path(study, name), self._keys.seal(self.get(study, name), _about(study, name)))

    def _opened(self, study: str, name: str, kept: bytes) -> bytes:
        if is_sealed(kept):  # the seal says that these are the bytes which were kept under this name
            return self._keys.open(kept, _about(study, name), (MARK, FIRST_MARK))
        if not plain_films.are_read_in(self._settings):
            raise SealError(f"Film {name} is not encrypted, as it should be. Restore it from a backup.")
        if hashlib.sha256(kept).hexdigest() != name:
            raise SealError(f"Film {name} is damaged. Restore it from a backup.")
        return kept


def _kept_files(dated: Iterator[tuple[str, datetime]]) -> Iterator[KeptFile]:
    for path, since in dated:
        study, name = path.split("/")[-2:]
        yield KeptFile(study, name, since, path)


def _place(settings: Settings) -> BlobStore:
    if not settings.films_url:
        return Folder(settings.films_folder)
    from lungwise.store.bucket import Bucket  # boto3 is an extra's

    return Bucket(settings)


def _about(study: str, name: str) -> str:
    return f"film {study}/{name}"


def _folder(study: str) -> str:
    if not (study.isascii() and study.isalnum()):
        raise ValueError(f"{study!r} names no study.")
    return f"{study[:2]}/{study}"


def _path(study: str, name: str) -> str:
    if not (name.isascii() and name.isalnum()):
        raise ValueError(f"{name!r} names no film.")
    return f"{_folder(study)}/{name}"
