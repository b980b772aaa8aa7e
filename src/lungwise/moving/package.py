"""The package of a clinic that moves: parts one after the other, encrypted and signed under a passphrase.

The file is `MARK`, a salt, and frames. scrypt (RFC 7914) makes the key of the passphrase; each frame is AES-256-GCM
over at most `FRAME` bytes, whose nonce counts the frames and says which is the last (STREAM, Hoang et al. 2015): a
frame that is changed, moved, left out or cut off does not open. The first frame is known, so that a wrong passphrase
is told from a changed file. Neither side holds more than one part in memory.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

MARK = b"LUNGWISE CLINIC 1\n"
FRAME = 1 << 20
SHORTEST_PASSPHRASE = 12
_SALT_BYTES = 16
_TAG_BYTES = 16
_KNOWN = b"lungwise clinic"
_LENGTH = struct.Struct(">I")
_PART = struct.Struct(">IQ")
_MOST_HEAD, _MOST_DATA = 1 << 20, 4 << 30
"""Bytes of a part; more are refused before memory is taken for them."""


class MoveError(Exception):
    """A clinic cannot move; says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part: what it is, and its bytes."""

    head: dict[str, Any]
    data: bytes = field(default=b"", repr=False)


class PackageWriter:
    """Writes parts into a package."""

    def __init__(self, file: BinaryIO, passphrase: str) -> None:
        salt = os.urandom(_SALT_BYTES)
        self._file, self._frames = file, _Frames(passphrase, salt)
        self._waiting = bytearray()
        file.write(MARK + salt)
        self._write_frame(_KNOWN)

    def add(self, head: dict[str, Any], data: bytes = b"") -> None:
        """Write a part."""
        said = json.dumps(head, ensure_ascii=False).encode()
        self._waiting += _PART.pack(len(said), len(data)) + said + data
        whole = len(self._waiting) - len(self._waiting) % FRAME
        for start in range(0, whole, FRAME):
            self._write_frame(bytes(self._waiting[start : start + FRAME]))
        del self._waiting[:whole]

    def finish(self) -> None:
        """Write what waits as the last frame, and bring it all to the disk. Without it nothing is taken."""
        self._write_frame(bytes(self._waiting), last=True)
        self._file.flush()
        os.fsync(self._file.fileno())

    def _write_frame(self, plain: bytes, *, last: bool = False) -> None:
        sealed = self._frames.seal(plain, last=last)
        self._file.write(_LENGTH.pack(len(sealed)) + sealed)


class PackageReader:
    """Reads parts from a package.

    Raises
    ------
    MoveError
        If it is not a package, the passphrase is wrong, or it was changed; says how far it was read.
    """

    def __init__(self, file: BinaryIO, passphrase: str) -> None:
        self._file, self._read, self._is_last = file, 0, False
        self._plain = bytearray()
        self.what = "its beginning"
        """What is read just now, for people."""
        start = file.read(len(MARK) + _SALT_BYTES)
        if not start.startswith(MARK) or len(start) < len(MARK) + _SALT_BYTES:
            raise MoveError("This is not a package of a clinic. Make one with: lungwise clinics export")
        self._read = len(start)
        self._frames = _Frames(passphrase, start[len(MARK) :])
        try:
            known = self._frames.open(self._next_sealed())
        except InvalidTag:
            known = b""
        if known != _KNOWN:
            raise MoveError("The passphrase is not the one of this package, or the package's beginning was changed.")

    def parts(self) -> Iterator[Part]:
        """Yield every part."""
        while self._has_more():
            head, data = _PART.unpack(self._take(_PART.size))
            if head > _MOST_HEAD or data > _MOST_DATA:
                raise self._changed()
            yield Part(json.loads(self._take(head)), self._take(data))

    def _has_more(self) -> bool:
        while not self._plain and not self._is_last:
            self._read_frame()
        return bool(self._plain)

    def _take(self, count: int) -> bytes:
        while len(self._plain) < count:
            if self._is_last:
                raise self._changed()
            self._read_frame()
        taken = bytes(self._plain[:count])
        del self._plain[:count]
        return taken

    def _read_frame(self) -> None:
        sealed = self._next_sealed()
        try:
            self._plain += self._frames.open(sealed)
        except InvalidTag:
            try:
                self._plain += self._frames.open(sealed, last=True)
            except InvalidTag:
                raise self._changed() from None
            self._is_last = True
            if self._file.read(1):
                raise self._changed() from None

    def _next_sealed(self) -> bytes:
        (length,) = _LENGTH.unpack(self._exactly(_LENGTH.size))
        if length > FRAME + _TAG_BYTES:
            raise self._changed()
        return self._exactly(length)

    def _exactly(self, count: int) -> bytes:
        data = self._file.read(count)
        self._read += len(data)
        if len(data) < count:
            raise MoveError(
                f"The package ends too early, after {self._read} bytes, in {self.what}. Copy it again from the source."
            )
        return data

    def _changed(self) -> MoveError:
        return MoveError(
            f"The package was changed or is damaged before byte {self._read}, in {self.what}. "
            "Copy it again from the source."
        )


class _Frames:
    """Seals and opens frames in their order."""

    def __init__(self, passphrase: str, salt: bytes) -> None:
        key = Scrypt(salt=salt, length=32, n=1 << 16, r=8, p=1).derive(passphrase.encode())
        self._cipher, self._count = AESGCM(key), 0

    def seal(self, plain: bytes, *, last: bool = False) -> bytes:
        """Encrypt the next frame."""
        nonce = self._nonce(last)
        self._count += 1
        return self._cipher.encrypt(nonce, plain, MARK)

    def open(self, sealed: bytes, *, last: bool = False) -> bytes:
        """Decrypt the next frame; one that does not open stays the next."""
        plain = self._cipher.decrypt(self._nonce(last), sealed, MARK)
        self._count += 1
        return plain

    def _nonce(self, last: bool) -> bytes:
        return self._count.to_bytes(11, "big") + bytes([last])
