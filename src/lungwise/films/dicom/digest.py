"""Whether two DICOM objects are the same, whoever sent them."""

from __future__ import annotations

import hashlib


def digest_of(data: bytes) -> str:
    """Return the SHA-256 of a DICOM object without its file meta information, which each sender writes anew."""
    is_grouped = data[128:132] == b"DICM" and data[132:140] == b"\x02\0\0\0UL\x04\0"
    begin = 144 + int.from_bytes(data[140:144], "little") if is_grouped else 0
    return hashlib.sha256(data[begin:] or data).hexdigest()
