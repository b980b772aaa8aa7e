from __future__ import annotations

import shutil
import threading
from datetime import UTC, datetime, timedelta

import pytest

from lungwise.settings import Settings
from lungwise.store.blobs import BlobStore, Folder, blob_store

ONE, OTHER = "ab/ab12/film", "ab/ab12/other"


@pytest.fixture(params=["folder", "bucket"])
def blobs(request: pytest.FixtureRequest) -> BlobStore:
    """Each kind of blob store."""
    return blob_store(request.getfixturevalue("settings" if request.param == "folder" else "in_bucket"))


def test_a_file_is_written_and_read_whole_or_by_its_head(blobs: BlobStore) -> None:
    blobs.write(ONE, b"first")
    blobs.write(ONE, b"second")
    assert (blobs.read(ONE), blobs.head(ONE, 3)) == (b"second", b"sec")
    assert blobs.holds(ONE)
    assert not blobs.holds(OTHER)
    with pytest.raises(FileNotFoundError):
        blobs.read(OTHER)


def test_a_file_and_a_folder_are_deleted_and_nothing_beside_them(blobs: BlobStore) -> None:
    for path in (ONE, OTHER, "ab/ab123/film"):
        blobs.write(path, b"film")
    blobs.remove(ONE)
    blobs.remove(ONE)
    assert {path for path, _time in blobs.files()} == {OTHER, "ab/ab123/film"}
    blobs.delete("ab/ab12")
    blobs.delete("ab/ab12")
    assert {path for path, _time in blobs.files()} == {"ab/ab123/film"}


def test_files_are_listed_with_their_times_under_a_prefix(blobs: BlobStore) -> None:
    blobs.write(ONE, b"film")
    blobs.move(ONE, f"quarantine/{ONE}")
    assert list(blobs.files()) == []
    ((path, time),) = blobs.files("quarantine/")
    assert path == f"quarantine/{ONE}"
    assert abs(datetime.now(UTC) - time) < timedelta(minutes=5)
    assert blobs.read(path) == b"film"


def test_a_store_says_whether_it_can_be_written(blobs: BlobStore) -> None:
    assert blobs.writable()
    assert list(blobs.files()) == []


def test_a_folder_that_is_away_is_not_made_again(settings: Settings) -> None:
    folder = Folder(settings.films_folder)
    shutil.rmtree(settings.films_folder)
    assert not folder.writable()
    with pytest.raises(FileNotFoundError):
        folder.write(ONE, b"film")
    assert not settings.films_folder.exists()


def test_writing_and_deleting_in_one_folder_at_once_both_succeed(settings: Settings) -> None:
    folder = Folder(settings.films_folder)
    stop, errors = threading.Event(), []

    def delete() -> None:
        while not stop.is_set():
            try:
                folder.delete("ab/ab12")
            except OSError as error:
                errors.append(error)

    thread = threading.Thread(target=delete)
    thread.start()
    for number in range(20):
        folder.write(f"ab/ab12/{number}", b"film")
    stop.set()
    thread.join()
    assert errors == []
