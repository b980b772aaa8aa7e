"""Storage commitment as data: what is asked of a keeper of objects, and what it answers (PS3.4, J)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pydicom.dataset import Dataset
from pydicom.uid import UID
from pynetdicom.sop_class import StorageCommitmentPushModel  # type: ignore[attr-defined]  # made on import

from lungwise.studies.commitment_models import Reference

PUSH_MODEL: Final = UID(StorageCommitmentPushModel)
WELL_KNOWN: Final = UID("1.2.840.10008.1.20.1.1")
"""The one instance of the push model."""
REQUEST: Final = 1
"""The action type."""
ALL_KEPT, SOME_FAILED = 1, 2
"""The event types."""
MOST_OBJECTS = 10_000
"""Objects of one request or answer."""
_UID = re.compile(r"[0-9.]{1,64}")


class CommitmentDataError(ValueError):
    """A request or an answer is not written as the standard says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a peer asks about."""

    transaction_uid: str
    references: Sequence[Reference]

    @classmethod
    def read(cls, data: Dataset) -> Request:
        """Read the information of an N-ACTION.

        Raises
        ------
        CommitmentDataError
            If it names no transaction, no object, or too many.
        """
        references = _references(data, "ReferencedSOPSequence")
        if not references:
            raise CommitmentDataError("it names no object")
        return cls(transaction_uid=_uid(data, "TransactionUID"), references=references)

    def as_dataset(self) -> Dataset:
        """Write it."""
        data = Dataset()
        data.TransactionUID = self.transaction_uid
        data.ReferencedSOPSequence = [_item(one) for one in self.references]
        return data


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Which objects are kept, and why others are not (PS3.3, C.14)."""

    transaction_uid: str
    kept: Sequence[Reference]
    failed: Mapping[Reference, int] = field(default_factory=dict)

    @property
    def event_type(self) -> int:
        """The event that it is told by."""
        return SOME_FAILED if self.failed else ALL_KEPT

    @classmethod
    def read(cls, data: Dataset) -> Answer:
        """Read the information of an N-EVENT-REPORT.

        Raises
        ------
        CommitmentDataError
            If it names no transaction, or too many objects.
        """
        failed = {
            reference: int(item.get("FailureReason") or 0)
            for item, reference in _items(data, "FailedSOPSequence")
        }  # fmt: skip
        kept = _references(data, "ReferencedSOPSequence")
        return cls(transaction_uid=_uid(data, "TransactionUID"), kept=kept, failed=failed)

    def as_dataset(self) -> Dataset:
        """Write it."""
        data = Dataset()
        data.TransactionUID = self.transaction_uid
        if self.kept:
            data.ReferencedSOPSequence = [_item(one) for one in self.kept]
        if self.failed:
            data.FailedSOPSequence = [_item(one, FailureReason=reason) for one, reason in self.failed.items()]
        return data


def _item(reference: Reference, **more: int) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = reference
    for name, value in more.items():
        setattr(item, name, value)
    return item


def _references(data: Dataset, name: str) -> list[Reference]:
    return list(dict.fromkeys(reference for _item, reference in _items(data, name)))


def _items(data: Dataset, name: str) -> Iterable[tuple[Dataset, Reference]]:
    items = data.get(name) or ()
    if len(items) > MOST_OBJECTS:
        raise CommitmentDataError(f"it names more than {MOST_OBJECTS} objects")
    for item in items:
        yield item, Reference(_uid(item, "ReferencedSOPClassUID"), _uid(item, "ReferencedSOPInstanceUID"))


def _uid(data: Dataset, name: str) -> str:
    uid = str(data.get(name) or "")
    if not _UID.fullmatch(uid):
        raise CommitmentDataError(f"it has no {name}")
    return uid
