from __future__ import annotations

from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pynetdicom.dsutils import decode, encode

from lungwise.dicom.commitment import ALL_KEPT, MOST_OBJECTS, SOME_FAILED, Answer, CommitmentDataError, Request
from lungwise.studies.commitment_models import Reference

UIDS = st.from_regex(r"[0-2](\.[1-9][0-9]{0,5}){1,5}", fullmatch=True)
REFERENCES = st.builds(Reference, UIDS, UIDS)


def over_the_wire(data: Dataset) -> Dataset:
    return decode(BytesIO(encode(data, True, True) or b""), True, True)


@given(UIDS, st.lists(REFERENCES, min_size=1, max_size=5, unique=True))
def test_a_request_is_read_as_it_is_written(transaction: str, references: list[Reference]) -> None:
    request = Request(transaction_uid=transaction, references=references)
    assert Request.read(over_the_wire(request.as_dataset())) == request


@given(UIDS, st.lists(REFERENCES, max_size=5, unique=True), st.dictionaries(REFERENCES, st.integers(0, 0xFFFF)))
def test_an_answer_is_read_as_it_is_written(
    transaction: str, kept: list[Reference], failed: dict[Reference, int]
) -> None:
    answer = Answer(transaction_uid=transaction, kept=kept, failed=failed)
    assert Answer.read(over_the_wire(answer.as_dataset())) == answer
    assert answer.event_type == (SOME_FAILED if failed else ALL_KEPT)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_request_or_are_refused(data: bytes) -> None:
    try:
        request = Request.read(decode(BytesIO(data), True, True))
    except Exception:  # the node answers every one of them with a status
        return
    assert request.references


def test_what_names_nothing_or_too_much_is_refused() -> None:
    nothing = Dataset()
    nothing.TransactionUID = "1.2"
    too_much = Request(transaction_uid="1.2", references=[Reference("1.2", "1.3")] * (MOST_OBJECTS + 1))
    no_uid = Request(transaction_uid="", references=[Reference("1.2", "1.3")])
    for data in (nothing, too_much.as_dataset(), no_uid.as_dataset()):
        with pytest.raises(CommitmentDataError):
            Request.read(data)
