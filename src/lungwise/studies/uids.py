"""Unique identifiers of what came without DICOM, and of what Lungwise makes itself."""

from __future__ import annotations

import uuid

_ROOT = uuid.UUID("6f3f2c0e-41a8-5d0b-9c53-1f6f8b3b7a52")
"""Names every UID that is Lungwise's own: the same words give the same UID, on every machine."""


def own_uid(*words: str) -> str:
    """Derive a UID (DICOM PS3.5, B.2) from words: the same words, the same UID."""
    return f"2.25.{uuid.uuid5(_ROOT, chr(0).join(words)).int}"
