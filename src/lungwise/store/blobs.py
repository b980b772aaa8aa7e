"""Where the film store's files lie: a place takes and gives bytes by path, and knows nothing of films."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from lungwise.store.disk import sync_folder, write_whole

_TRIES = 5
"""How often a folder is written to, or deleted, that others delete or write to at the same moment."""


class BlobStore(Protocol):
    """A local folder or a bucket. Paths have the form `ab/abcd/NAME`; faults are OSError."""

    def write(self, path: str, data: bytes) -> None:
        """Write a file; when this returns, it survives a power cut."""

    def read(self, path: str) -> bytes:
        """Read a file."""

    def head(self, path: str, count: int) -> bytes:
        """Read a file's first bytes."""

    def holds(self, path: str) -> bool:
        """Say whether there is such a file."""

    def remove(self, path: str) -> None:
        """Delete a file, where there is one."""

    def delete(self, folder: str) -> None:
        """Delete a folder with its files."""

    def paths(self) -> Iterator[str]:
        """Walk over every file."""

    def dated(self, prefix: str) -> Iterator[tuple[str, datetime]]:
        """Walk over every file with such a path after a prefix, unfinished ones too: its path, and since when."""

    def move(self, path: str, to: str) -> None:
        """Give a file another path; its time begins anew."""

    def writable(self) -> bool:
        """Say whether a file could be written now."""


class Folder:
    """A folder on a local disk."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._laid_down: set[str] = set()
        root.mkdir(parents=True, exist_ok=True, mode=0o700)

    def write(self, path: str, data: bytes) -> None:
        """Write a file; when this returns, it survives a power cut."""
        whole = self._root / path
        for _try in range(_TRIES - 1):
            with suppress(FileNotFoundError):  # somebody deletes this folder meanwhile
                return self._write(whole, data)
        return self._write(whole, data)

    def _write(self, whole: Path, data: bytes) -> None:
        # Never the root: where a mount is away, what lay beneath it would be hidden when it is back.
        for folder in (whole.parent.parent, whole.parent):
            folder.mkdir(exist_ok=True, mode=0o700)
        write_whole(whole, data)
        sync_folder(whole.parent.parent)
        if whole.parent.parent.name not in self._laid_down:  # whoever made it may not have come so far yet
            sync_folder(self._root)
            self._laid_down.add(whole.parent.parent.name)

    def read(self, path: str) -> bytes:
        """Read a file."""
        return (self._root / path).read_bytes()

    def head(self, path: str, count: int) -> bytes:
        """Read a file's first bytes."""
        with (self._root / path).open("rb") as file:
            return file.read(count)

    def holds(self, path: str) -> bool:
        """Say whether there is such a file."""
        return (self._root / path).exists()

    def remove(self, path: str) -> None:
        """Delete a file, where there is one."""
        (self._root / path).unlink(missing_ok=True)

    def delete(self, folder: str) -> None:
        """Delete a folder with its files."""
        for _try in range(_TRIES - 1):
            with suppress(OSError):  # somebody puts a file meanwhile, or deletes the same
                return self._delete(folder)
        return self._delete(folder)

    def _delete(self, folder: str) -> None:
        with suppress(FileNotFoundError):
            shutil.rmtree(self._root / folder)

    def paths(self) -> Iterator[str]:
        """Walk over every file that is whole."""
        for path in self._root.glob("??/*/*"):
            if not path.name.startswith("."):
                yield path.relative_to(self._root).as_posix()

    def dated(self, prefix: str) -> Iterator[tuple[str, datetime]]:
        """Walk over every file with such a path after a prefix, unfinished ones too: its path, and since when."""
        for path in self._root.glob(f"{prefix}??/*/*"):
            with suppress(FileNotFoundError):  # it is deleted meanwhile
                since = datetime.fromtimestamp(path.stat().st_mtime, UTC)
                yield path.relative_to(self._root).as_posix(), since

    def move(self, path: str, to: str) -> None:
        """Give a file another path; its time begins anew."""
        before, after = self._root / path, self._root / to
        after.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.utime(before)
        before.rename(after)
        for folder in (after.parent, before.parent):
            sync_folder(folder)
        with suppress(OSError):  # other films lie there still
            before.parent.rmdir()

    def writable(self) -> bool:
        """Say whether a file could be written now."""
        try:
            with tempfile.TemporaryFile(dir=self._root):
                return True
        except OSError:
            return False
