"""The keys: they encrypt films and what identifies a patient, and index names for exact search.

AES-256-GCM (NIST SP 800-38D) with a random nonce for each encryption. HKDF-SHA256 (RFC 5869) derives a name, an
encryption key and an index key from the 32 random bytes of each key.
"""

from __future__ import annotations

import hmac
import logging
import os
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from lungwise.settings import Settings
from lungwise.settings.checks import key_bytes, key_words, new_key_text
from lungwise.store.disk import write_atomically, write_once

MARK = b"LWS2"
"""The first bytes of everything encrypted. The name of its key follows, then the nonce."""
FIRST_MARK = b"LWS1"
"""The mark of earlier releases, whose rows' values were not bound to the row; films were bound as they are now."""
HEADER = len(MARK) + 4
_NONCE_BYTES = 12
_NO_FILE = (0, 0)
_log = logging.getLogger("lungwise.store")


class EncryptionError(OSError):
    """Something cannot be encrypted or decrypted; says why, and what to do."""


class MissingKeyError(EncryptionError):
    """The key that something was encrypted with is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key. Its name reveals nothing about it."""

    name: str
    header: bytes
    cipher: AESGCM = field(repr=False)
    index: bytes = field(repr=False)
    _secret: bytes = field(repr=False)

    def derived(self, purpose: str) -> bytes:
        """Derive 32 bytes for one more purpose."""
        return HKDF(SHA256(), length=32, salt=None, info=f"lungwise {purpose}".encode()).derive(self._secret)


class Keys:
    """The keys of an installation: the first encrypts, all of them decrypt.

    They come from the setting, or from the file `encryption.keys` of the data folder. The file is read again when it
    has changed, so that a running service takes up a new key by itself; while it is away, the service goes on with the
    keys that it has read. Only `make` makes it: what is written with a key that nobody keeps is lost.
    """

    def __init__(self, settings: Settings) -> None:
        self.folder = settings.data_folder
        self.path = self.folder / "encryption.keys"
        self._from_setting = settings.encryption_keys.get_secret_value()
        self._known = (_NO_FILE, _parsed(self._from_setting)) if self._from_setting else None

    @property
    def all(self) -> tuple[Key, ...]:
        """Every key, the one that encrypts first.

        Raises
        ------
        MissingKeyError
            If their file is missing, and was not read before.
        """
        if self._from_setting and self._known:
            return self._known[1]
        try:
            file = self.path.stat()  # once: a page decrypts hundreds of values
            version = file.st_ino, file.st_mtime_ns
            if self._known is None or self._known[0] != version:
                self._known = version, _parsed(self.path.read_text(encoding="ascii"))
        except FileNotFoundError:
            self._known = _NO_FILE, self._read_before()
        return self._known[1]

    def _read_before(self) -> tuple[Key, ...]:
        if self._known is None:
            raise MissingKeyError(self._missing_file)
        version, keys = self._known
        if version != _NO_FILE:  # it was there a moment ago
            _log.error("%s has disappeared. The keys that were read from it stay in use: put it back.", self.path)
        return keys

    @property
    def exist(self) -> bool:
        """Whether there are keys already, so that none would be made."""
        return bool(self._from_setting) or self.path.exists()

    def make(self) -> None:
        """Make the first key, unless there are keys; of two processes that try at once, one does."""
        if not self.exist:
            write_once(self.path, new_key_text().encode() + b"\n")

    @property
    def names(self) -> list[str]:
        """The keys' names, in the same order."""
        return [key.name for key in self.all]

    @property
    def header(self) -> bytes:
        """The first bytes of what is encrypted now."""
        return self.all[0].header

    def encrypt(self, data: bytes, context: str, mark: bytes = MARK) -> bytes:
        """Encrypt data for one context: it cannot be decrypted in another."""
        key, nonce = self.all[0], os.urandom(_NONCE_BYTES)
        return mark + key.header[len(MARK) :] + nonce + key.cipher.encrypt(nonce, data, context.encode())

    def decrypt(self, encrypted: bytes, context: str, marks: tuple[bytes, ...] = (MARK,)) -> bytes:
        """Decrypt what begins with one of the marks.

        Raises
        ------
        EncryptionError
            If its key is missing, or it was changed or moved.
        """
        header, body = encrypted[:HEADER], encrypted[HEADER:]
        if header[: len(MARK)] not in marks:
            raise EncryptionError(
                f"What was kept as {context} is not encrypted as it should be. Restore it from a backup."
            )
        key = self.key(header[len(MARK) :].hex())
        try:
            return key.cipher.decrypt(body[:_NONCE_BYTES], body[_NONCE_BYTES:], context.encode())
        except (InvalidTag, ValueError):
            raise EncryptionError(
                f"What was kept as {context} is damaged or was moved. Restore it from a backup."
            ) from None

    def key(self, name: str) -> Key:
        """Return the key of a name.

        Raises
        ------
        MissingKeyError
            If it is missing.
        """
        for key in self.all:
            if key.name == name:
                return key
        raise MissingKeyError(self.missing_message(name))

    def sign(self, purpose: str, text: str) -> str:
        """Sign a text for one purpose: the first key's name, and an HMAC-SHA256 with a key derived from it."""
        return _signature(self.all[0], purpose, text)

    def is_signed(self, signature: str, purpose: str, text: str) -> bool:
        """Return whether one of the keys signed a text for a purpose."""
        signer = next((key for key in self.all if signature.startswith(key.name)), None)
        return signer is not None and hmac.compare_digest(signature, _signature(signer, purpose, text))

    def index(self, context: str, text: str) -> str:
        """Return the blind index of a text under the first key: equal for equal texts, and revealing nothing else."""
        return _index(self.all[0], context, text)

    def indexes(self, context: str, text: str) -> list[str]:
        """Return the blind index of a text under every key, to search for what any of them indexed."""
        return [_index(key, context, text) for key in self.all]

    def add(self) -> str:
        """Make a new key, put it first in the file, and return its name.

        Raises
        ------
        EncryptionError
            If the keys come from the setting, or their file is missing.
        """
        if self._from_setting:
            raise EncryptionError("The keys come from LUNGWISE_ENCRYPTION_KEYS. Put a new one first there.")
        try:
            present = self.path.read_text(encoding="ascii")
        except FileNotFoundError:
            raise MissingKeyError(self._missing_file) from None
        write_atomically(self.path, f"{new_key_text()}\n{present}".encode())
        return self.names[0]

    @property
    def _missing_file(self) -> str:
        return (
            f"{self.path} is missing. Copy the installation's encryption.keys there, "
            "or set LUNGWISE_ENCRYPTION_KEYS to its keys."
        )

    def missing_message(self, name: str) -> str:
        """Return the sentence that says that a key is missing, and what to do."""
        return (
            f"The key {name} is missing. Copy the installation's encryption.keys to {self.path}, "
            "or set LUNGWISE_ENCRYPTION_KEYS to its keys."
        )


def is_encrypted(data: bytes) -> bool:
    """Return whether bytes begin as encrypted ones do."""
    return data.startswith((MARK, FIRST_MARK))


def _parsed(text: str) -> tuple[Key, ...]:
    words = key_words(text)
    if not words:
        raise EncryptionError("There is no key in encryption.keys. Put the installation's keys back.")
    return tuple(map(_key, words))


def _key(word: str) -> Key:
    try:
        secret = key_bytes(word)
    except ValueError:
        raise EncryptionError("A line of encryption.keys is not a key. Put the installation's keys back.") from None
    derived = HKDF(SHA256(), length=68, salt=None, info=b"lungwise keys 1").derive(secret)
    name, cipher, index = derived[:4], derived[4:36], derived[36:]
    return Key(name=name.hex(), header=MARK + name, cipher=AESGCM(cipher), index=index, _secret=secret)


def _signature(key: Key, purpose: str, text: str) -> str:
    return key.name + hmac.digest(key.derived(f"signature of {purpose}"), text.encode(), "sha256").hex()


def _index(key: Key, context: str, text: str) -> str:
    return key.name + hmac.digest(key.index, f"{context}\0{text}".encode(), "sha256")[:16].hex()
