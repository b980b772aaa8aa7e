from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from flask import Flask

from dicom_files import dicom_bytes, film_dataset
from lungwise.dicomweb.multipart import Part
from lungwise.dicomweb.store import KEPT_ASIDE, OUT_OF_RESOURCES, StoreRequest, StoreResponse
from lungwise.errors import Rejected
from lungwise.receiving.receiver import Kept, Receipt
from synthetic_films import chest_bytes

if TYPE_CHECKING:
    from lungwise.receiving.uploads import ReceivedInstance

UIDS = {"StudyInstanceUID": "1.2", "SeriesInstanceUID": "1.2.3", "SOPInstanceUID": "1.2.3.4"}


class Receiver:
    """Keeps everything, with one outcome."""

    def __init__(self, kept: Kept | Exception) -> None:
        self._kept = kept

    def keep(self, instance: ReceivedInstance, address: str) -> Receipt:
        """Keep an object."""
        if isinstance(self._kept, Exception):
            raise self._kept
        return Receipt(kept=self._kept, uids=instance.film.uids)


@pytest.fixture(scope="module")
def part() -> Part:
    return Part(media_type="application/dicom", body=dicom_bytes(film_dataset(chest_bytes(), **UIDS)))


def stored(kept: Kept | Exception, *parts: Part, study: str | None = None) -> StoreResponse:
    with Flask("archive").test_request_context():
        return StoreRequest(Receiver(kept), "127.0.0.1", "http://x/dicom-web", study).store(parts)


def test_what_is_kept_can_be_retrieved_by_its_address(part: Part) -> None:
    response = stored(Kept.NEW, part)
    assert response.status == 200
    assert response.stored[0]["00081190"]["Value"] == ["http://x/dicom-web/studies/1.2/series/1.2.3/instances/1.2.3.4"]
    assert "00081198" not in response.attributes("http://x")


def test_what_has_no_series_has_no_address() -> None:
    body = dicom_bytes(film_dataset(chest_bytes(), StudyInstanceUID="1.2", SOPInstanceUID="1.2.3.4"))
    response = stored(Kept.OBJECT, Part(media_type="application/dicom", body=body))
    assert (response.status, "00081190" in response.stored[0]) == (200, False)


def test_what_is_held_is_stored_with_a_warning(part: Part) -> None:
    response = stored(Kept.HELD, part)
    assert (response.status, response.stored[0]["00081196"]["Value"]) == (202, [KEPT_ASIDE])


@pytest.mark.parametrize("error", [Rejected("There are too many films."), OSError("the disk is full")])
def test_what_cannot_be_kept_is_a_failure_with_its_reason(error: Exception, part: Part) -> None:
    response = stored(error, part)
    assert (response.status, response.failed[0]["00081197"]["Value"]) == (409, [OUT_OF_RESOURCES])


def test_each_part_fails_by_itself(part: Part) -> None:
    response = stored(Kept.NEW, part, Part(media_type="application/dicom", body=None), study="1.2")
    assert (response.status, len(response.stored), len(response.failed)) == (202, 1, 1)
    assert stored(Kept.NEW, part, study="9.9").status == 409
