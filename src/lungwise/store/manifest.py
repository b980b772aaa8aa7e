"""The manifest of a backup: every part's SHA-256, signed with the keys."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections import Counter
from collections.abc import Iterator

from lungwise.store.keys import Keys

_MANIFEST, _SIGNATURE = "manifest.json", "manifest.signature"
_PURPOSE = "backup"
_MAX_NAMED = 10
"""How many parts that do not agree are named; of the others only the number is given."""


class BackupError(Exception):
    """A backup cannot be restored; says why."""


class BackupWriter:
    """Writes the parts of a backup, and its manifest when it is finished."""

    def __init__(self, archive: tarfile.TarFile, keys: Keys) -> None:
        self._archive = archive
        self._keys = keys
        self._parts: dict[str, str] = {}

    def add(self, name: str, data: bytes) -> None:
        """Write a part."""
        self._parts[name] = hashlib.sha256(data).hexdigest()
        _add(self._archive, name, data)

    def finish(self) -> None:
        """Write the manifest. Without it nothing is restored."""
        manifest = json.dumps(self._parts)
        _add(self._archive, _MANIFEST, manifest.encode())
        _add(self._archive, _SIGNATURE, self._keys.sign(_PURPOSE, manifest).encode())


def check_manifest(archive: tarfile.TarFile, keys: Keys) -> None:
    """Compare a backup with its manifest, part by part.

    Raises
    ------
    BackupError
        If they do not agree; names the parts.
    MissingKeyError
        If the key that signed the manifest is missing.
    KeyError
        If there is no manifest.
    """
    manifest = content(archive, _MANIFEST).decode()
    signature = content(archive, _SIGNATURE).decode()
    keys.key(signature[:8])
    if not keys.is_signed(signature, _PURPOSE, manifest):
        raise BackupError("The backup's manifest was changed since it was signed. Take another backup.")
    found = list(_disagreements(archive, json.loads(manifest)))
    if found:
        more = f", and {len(found) - _MAX_NAMED} more" if len(found) > _MAX_NAMED else ""
        raise BackupError(
            f"The backup is not what was written: {'; '.join(found[:_MAX_NAMED])}{more}. Nothing was restored. "
            "Take another backup."
        )


def content(archive: tarfile.TarFile, part: str | tarfile.TarInfo) -> bytes:
    """Read a part.

    Raises
    ------
    KeyError, ValueError
        If there is no such part, or it is not a file.
    """
    file = archive.extractfile(part)
    if file is None:
        raise ValueError(f"{part} is not a file")
    return file.read()


def _disagreements(archive: tarfile.TarFile, parts: dict[str, str]) -> Iterator[str]:
    names = Counter(archive.getnames())
    yield from (f"{name} is missing" for name in parts if name not in names)
    yield from (f"{name} is there twice" for name, count in names.items() if count > 1)
    for member in archive:
        if member.name in (_MANIFEST, _SIGNATURE):
            continue
        if member.name not in parts:
            yield f"{member.name} was added"
        elif not member.isreg() or hashlib.sha256(content(archive, member)).hexdigest() != parts[member.name]:
            yield f"{member.name} was changed"


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    info.mode = 0o600
    archive.addfile(info, io.BytesIO(data))
