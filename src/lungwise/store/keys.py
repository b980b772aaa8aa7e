"""The keys: they seal films and what identifies a patient, and index names for exact search.

AES-256-GCM (NIST SP 800-38D) with a random nonce for each seal; every key is made from 32 random bytes by
HKDF-SHA256 (RFC 5869) into a name, a sealing key and an index key.
"""

from __future__ import annotations

import hmac
import os
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from lungwise.settings import Settings, key_bytes, key_words, new_key_text
from lungwise.store.disk import write_once, write_whole

MARK = b"LWS2"
"""What everything sealed begins with. The name of its key follows, then the nonce."""
FIRST_MARK = b"LWS1"
"""How earlier releases began. Their rows' values were not bound to the row; their films were bound as they are now."""
HEADER = len(MARK) + 4
_NONCE = 12


class SealError(OSError):
    """Something sealed cannot be opened; says why, and what to do."""


class MissingKeyError(SealError):
    """The key that something was sealed with is not here."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key. Its name betrays nothing of it."""

    name: str
    header: bytes
    seal: AESGCM = field(repr=False)
    index: bytes = field(repr=False)
    _secret: bytes = field(repr=False)

    def derived(self, purpose: str) -> bytes:
        """Derive 32 bytes for one more purpose."""
        return HKDF(SHA256(), length=32, salt=None, info=f"lungwise {purpose}".encode()).derive(self._secret)


class Keys:
    """The keys of an installation: the first seals, all of them open.

    They come from the setting, or from the file `encryption.keys` of the data folder, which is made where there is
    none, and read again when it has changed: a running service takes up a new key by itself.
    """

    def __init__(self, settings: Settings) -> None:
        self.folder = settings.data_folder
        self.path = self.folder / "encryption.keys"
        self._given = settings.encryption_keys.get_secret_value()
        self._known = ((0, 0), _ring(self._given)) if self._given else None

    @property
    def ring(self) -> tuple[Key, ...]:
        """Every key, the sealing one first."""
        if self._given and self._known:
            return self._known[1]
        if not self.path.exists():
            write_once(self.path, new_key_text().encode() + b"\n")
        file = self.path.stat()
        version = file.st_ino, file.st_mtime_ns
        if self._known is None or self._known[0] != version:
            self._known = version, _ring(self.path.read_text(encoding="ascii"))
        return self._known[1]

    @property
    def are_here(self) -> bool:
        """Whether there are keys already, so that none would be made."""
        return bool(self._given) or self.path.exists()

    @property
    def names(self) -> list[str]:
        """The keys' names, the sealing one's first."""
        return [key.name for key in self.ring]

    @property
    def header(self) -> bytes:
        """What everything begins with that is sealed now."""
        return self.ring[0].header

    def seal(self, data: bytes, about: str, mark: bytes = MARK) -> bytes:
        """Seal data for one purpose and place: it opens for no other."""
        key, nonce = self.ring[0], os.urandom(_NONCE)
        return mark + key.header[len(MARK) :] + nonce + key.seal.encrypt(nonce, data, about.encode())

    def open(self, sealed: bytes, about: str, marks: tuple[bytes, ...] = (MARK,)) -> bytes:
        """Open what was sealed, and begins with one of the marks.

        Raises
        ------
        SealError
            If its key is not among these, or it was changed or moved.
        """
        header, nonce, rest = sealed[:HEADER], sealed[HEADER : HEADER + _NONCE], sealed[HEADER + _NONCE :]
        if header[: len(MARK)] not in marks:
            raise SealError(f"What was kept as {about} is not encrypted as it should be. Restore it from a backup.")
        key = self.key(header[len(MARK) :].hex())
        try:
            return key.seal.decrypt(nonce, rest, about.encode())
        except (InvalidTag, ValueError):
            raise SealError(f"What was kept as {about} is damaged or was moved. Restore it from a backup.") from None

    def key(self, name: str) -> Key:
        """Give the key of a name.

        Raises
        ------
        MissingKeyError
            If it is not here.
        """
        for key in self.ring:
            if key.name == name:
                return key
        raise MissingKeyError(self.lack(name))

    def sign(self, purpose: str, text: str) -> str:
        """Sign a text for one purpose with the first key: its name, and an HMAC-SHA256 by a key made of it."""
        return _signature(self.ring[0], purpose, text)

    def is_signed(self, signature: str, purpose: str, text: str) -> bool:
        """Say whether one of the keys signed a text for a purpose."""
        signer = next((key for key in self.ring if signature.startswith(key.name)), None)
        return signer is not None and hmac.compare_digest(signature, _signature(signer, purpose, text))

    def index(self, about: str, text: str) -> str:
        """Give the blind index of a text under the sealing key: equal for equal texts, and saying nothing else."""
        return _index(self.ring[0], about, text)

    def indexes(self, about: str, text: str) -> list[str]:
        """Give the blind index of a text under every key, to search for what any of them indexed."""
        return [_index(key, about, text) for key in self.ring]

    def add(self) -> str:
        """Make a new key and put it first in the file; give its name.

        Raises
        ------
        SealError
            If the keys come from the setting.
        """
        if self._given:
            raise SealError("The keys come from LUNGWISE_ENCRYPTION_KEYS. Put a new one first there.")
        _present = self.ring
        write_whole(self.path, f"{new_key_text()}\n{self.path.read_text(encoding='ascii')}".encode())
        return self.names[0]

    def lack(self, name: str) -> str:
        """Say that a key is not here, and what to do."""
        return (
            f"The key {name} is missing. Copy the installation's encryption.keys to {self.path}, "
            "or set LUNGWISE_ENCRYPTION_KEYS to its keys."
        )


def is_sealed(data: bytes) -> bool:
    """Say whether bytes begin as what is sealed does."""
    return data.startswith((MARK, FIRST_MARK))


def _ring(text: str) -> tuple[Key, ...]:
    words = key_words(text)
    if not words:
        raise SealError("There is no key in encryption.keys. Put the installation's keys back.")
    return tuple(_key(word) for word in words)


def _key(word: str) -> Key:
    try:
        secret = key_bytes(word)
    except ValueError:
        raise SealError("A line of encryption.keys is no key. Put the installation's keys back.") from None
    made = HKDF(SHA256(), length=68, salt=None, info=b"lungwise keys 1").derive(secret)
    return Key(made[:4].hex(), MARK + made[:4], AESGCM(made[4:36]), made[36:], secret)


def _signature(key: Key, purpose: str, text: str) -> str:
    return key.name + hmac.digest(key.derived(f"signature of {purpose}"), text.encode(), "sha256").hex()


def _index(key: Key, about: str, text: str) -> str:
    return key.name + hmac.digest(key.index, f"{about}\0{text}".encode(), "sha256")[:16].hex()
