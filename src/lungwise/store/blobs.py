"""Where the film store's files lie: a blob store reads and writes bytes by path, and knows nothing of films."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from lungwise.settings import Settings
from lungwise.store.disk import sync_folder, write_atomically

_TRIES = 5
"""How often a write or a deletion is tried while others delete or write to the same folder."""


class BlobStore(Protocol):
    """A local folder or a bucket. Paths have the form `ab/abcd/NAME`; errors are OSError."""

    def write(self, path: str, data: bytes) -> None:
        """Write a file; when this returns, it survives a power cut."""

    def read(self, path: str) -> bytes:
        """Read a file."""

    def head(self, path: str, count: int) -> bytes:
        """Read a file's first bytes."""

    def holds(self, path: str) -> bool:
        """Return whether there is such a file."""

    def remove(self, path: str) -> None:
        """Delete a file, if it exists."""

    def delete(self, folder: str) -> None:
        """Delete a folder with its files."""

    def files(self, prefix: str = "") -> Iterator[tuple[str, datetime]]:
        """Yield the path and the time of every file with such a path after a prefix, unfinished ones included."""

    def move(self, path: str, to: str) -> None:
        """Move a file to another path; its time becomes now."""

    def writable(self) -> bool:
        """Return whether a file could be written now."""


def blob_store(settings: Settings) -> BlobStore:
    """Return the blob store that the settings name."""
    if not settings.films_url:
        return Folder(settings.films_folder)
    from lungwise.store.bucket import Bucket  # needs the extra s3

    return Bucket(settings)


class Folder:
    """A folder on a local disk."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._synced: set[str] = set()
        root.mkdir(parents=True, exist_ok=True, mode=0o700)

    def write(self, path: str, data: bytes) -> None:
        """Write a file; when this returns, it survives a power cut."""
        whole = self._root / path
        for _try in range(_TRIES - 1):
            with suppress(FileNotFoundError, FileExistsError):  # the folder is deleted meanwhile: mkdir may say either
                return self._write(whole, data)
        return self._write(whole, data)

    def _write(self, whole: Path, data: bytes) -> None:
        # Never the root: if its volume is away, what is written beneath is hidden when it is mounted again.
        for folder in (whole.parent.parent, whole.parent):
            folder.mkdir(exist_ok=True, mode=0o700)
        write_atomically(whole, data)
        sync_folder(whole.parent.parent)
        if whole.parent.parent.name not in self._synced:  # another process may have made it and not synced it yet
            sync_folder(self._root)
            self._synced.add(whole.parent.parent.name)

    def read(self, path: str) -> bytes:
        """Read a file."""
        return (self._root / path).read_bytes()

    def head(self, path: str, count: int) -> bytes:
        """Read a file's first bytes."""
        with (self._root / path).open("rb") as file:
            return file.read(count)

    def holds(self, path: str) -> bool:
        """Return whether there is such a file."""
        return (self._root / path).exists()

    def remove(self, path: str) -> None:
        """Delete a file, if it exists."""
        (self._root / path).unlink(missing_ok=True)

    def delete(self, folder: str) -> None:
        """Delete a folder with its files."""
        for _try in range(_TRIES - 1):
            with suppress(OSError):  # a file is written meanwhile, or the same is deleted
                return self._delete(folder)
        return self._delete(folder)

    def _delete(self, folder: str) -> None:
        with suppress(FileNotFoundError):
            shutil.rmtree(self._root / folder)

    def files(self, prefix: str = "") -> Iterator[tuple[str, datetime]]:
        """Yield the path and the time of every file with such a path after a prefix, unfinished ones included."""
        for path in self._root.glob(f"{prefix}??/*/*"):
            with suppress(FileNotFoundError):  # it is deleted meanwhile
                time = datetime.fromtimestamp(path.stat().st_mtime, UTC)
                yield path.relative_to(self._root).as_posix(), time

    def move(self, path: str, to: str) -> None:
        """Move a file to another path; its time becomes now."""
        before, after = self._root / path, self._root / to
        after.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.utime(before)
        before.rename(after)
        for folder in (after.parent, before.parent):
            sync_folder(folder)
        with suppress(OSError):  # other films are still there
            before.parent.rmdir()

    def writable(self) -> bool:
        """Return whether a file could be written now."""
        try:
            with tempfile.TemporaryFile(dir=self._root):
                return True
        except OSError:
            return False
