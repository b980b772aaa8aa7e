from __future__ import annotations

import errno
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lungwise.settings import Settings
from lungwise.store.blobs import BlobStore, Folder, blob_store
from lungwise.store.disk import write_atomically

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


def test_a_folder_that_is_deleted_while_a_file_is_written_is_made_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, tries = Folder(settings.films_folder), []

    def write(path: Path, data: bytes) -> None:
        tries.append(path)
        if len(tries) < 3:
            folder.delete("ab/ab12")
        write_atomically(path, data)

    monkeypatch.setattr("lungwise.store.blobs.write_atomically", write)
    folder.write(ONE, b"film")
    assert len(tries) == 3
    assert folder.read(ONE) == b"film"


def test_a_folder_that_goes_while_another_makes_it_is_made_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, make, made = Folder(settings.films_folder), Path.mkdir, []

    def mkdir(path: Path, *args: object, **options: object) -> None:
        made.append(path)
        if len(made) == 2:  # it was there, and is deleted before mkdir looks what it is
            raise FileExistsError(errno.EEXIST, "File exists", str(path))
        make(path, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Path, "mkdir", mkdir)
    folder.write(ONE, b"film")
    assert folder.read(ONE) == b"film"


def test_a_file_where_a_folder_belongs_is_an_error(settings: Settings) -> None:
    folder = Folder(settings.films_folder)
    (settings.films_folder / "ab").mkdir()
    (settings.films_folder / "ab" / "ab12").write_bytes(b"")
    with pytest.raises(FileExistsError):
        folder.write(ONE, b"film")
