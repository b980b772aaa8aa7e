from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from lungwise.audit.chain import START, End, entry_hash
from lungwise.audit.models import AuditEntry

ENTRY: dict[str, Any] = {
    "id": 1,
    "at": datetime(2026, 3, 2, tzinfo=UTC),
    "clinic_id": 1,
    "person_id": 1,
    "person_name": "Ada",
    "address": "127.0.0.1",
    "action": "saw",
    "subject": "study",
    "subject_key": "key",
    "times": None,
}


@pytest.mark.parametrize("field", list(ENTRY))
def test_each_field_of_an_entry_is_signed(field: str) -> None:
    changed = ENTRY | {field: datetime(2027, 1, 1, tzinfo=UTC) if field == "at" else 7}
    assert entry_hash(b"key", START, AuditEntry(**ENTRY)) != entry_hash(b"key", START, AuditEntry(**changed))


def test_an_entry_is_signed_with_the_one_before_and_with_the_key() -> None:
    hashes = {entry_hash(key, before, AuditEntry(**ENTRY)) for key in (b"a", b"b") for before in (START, "1" * 64)}
    assert len(hashes) == 4


@pytest.mark.parametrize("change", [{"entries": 2}, {"hash": "1" * 64}, {"key": "b"}, {"broken_at": 1}])
def test_all_of_the_end_is_signed(change: dict[str, Any]) -> None:
    end = End(1, START, "a")
    assert replace(end, **change).signature(b"key") != end.signature(b"key")
