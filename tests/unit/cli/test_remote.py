"""A server in place of a reader; `integration/test_client.py` has `lungwise read --server` as a whole."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

import pytest
from pydicom import dcmread
from pydicom.uid import ImplicitVRLittleEndian

from dated_films import BRIGHT, DARK, dated_film
from dicom_files import dicom_bytes
from live_server import LiveServer, live_server
from lungwise.cli.remote import RemoteReader
from lungwise.client import ApiError, Client
from lungwise.store import FilmStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with live_server(tmp_path_factory.mktemp("remote") / "data") as server:
        yield server


def test_files_come_back_in_their_order_as_the_server_read_them(
    server: LiveServer, film: Callable[..., bytes], blank: bytes, tmp_path: Path
) -> None:
    contents = {"1.jpg": film(1, 8), "2.txt": b"Dear colleague", "3.jpg": blank, "4.jpg": film(2)}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    reader = RemoteReader(server.address, server.token)

    files = list(reader.read_many([*(tmp_path / name for name in contents), tmp_path / "missing.jpg"]))

    assert [file.path.name for file in files] == [*contents, "missing.jpg"]
    codes = [file.refusal.code if file.refusal else "read" for file in files]
    assert codes == ["read", "not-an-image", "not a film", "read", "unreachable"]
    reading = files[0].reading
    assert reading is not None
    assert (reading.verdict, reading.model, reading.version) == ("positive", "synthetic", "1")
    assert reading.heat_map.shape == (17, 17)


def test_a_film_that_the_server_has_beside_others_is_given_as_itself(
    server: LiveServer, film: Callable[..., bytes], tmp_path: Path
) -> None:
    contents = {"a.jpg": film(3, 8), "b.jpg": film(4)}
    study = Client(server.address, server.token).read([*contents.values()])
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)

    files = list(RemoteReader(server.address, server.token).read_many(tmp_path / name for name in contents))

    expected = {one.sha256: one.reading and one.reading.probability for one in study.films}
    read = [file.reading.probability if file.reading else None for file in files]
    assert read == [expected[FilmStore.name_of(content)] for content in contents.values()]
    assert read[0] != read[1]


def test_a_film_that_the_server_has_as_another_file_is_found_by_its_uid(server: LiveServer, tmp_path: Path) -> None:
    films = [dated_film("20260301", level, StudyInstanceUID="1.2.3") for level in (DARK, BRIGHT)]
    Client(server.address, server.token).read(films)
    for number, content in enumerate(films):
        again = dicom_bytes(dcmread(io.BytesIO(content)), ImplicitVRLittleEndian)
        (tmp_path / f"{number}.dcm").write_bytes(again)

    dark, bright = RemoteReader(server.address, server.token).read_many(sorted(tmp_path.iterdir()))

    assert dark.reading is not None
    assert bright.reading is not None
    assert (dark.reading.verdict, bright.reading.verdict) == ("negative", "positive")


def test_a_zip_of_one_film_is_read_and_one_of_several_is_refused(
    server: LiveServer, film: Callable[..., bytes], tmp_path: Path
) -> None:
    for name, members in {"1.zip": [film(5)], "2.zip": [film(6), film(7)], "3.zip": [film(5), film(8)]}.items():
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            for number, member in enumerate(members):
                archive.writestr(f"{number}.jpg", member)

    reader = RemoteReader(server.address, server.token)
    files = [file for path in sorted(tmp_path.iterdir()) for file in reader.read_many([path])]

    assert [file.refusal is None for file in files] == [True, False, False]
    assert {file.refusal.reason for file in files if file.refusal} == {
        "The file is one of several films on the server, or contains several; it is not clear which is meant. "
        "Give each film as a separate file, or look at the study on the server."
    }


def test_a_token_that_the_server_does_not_know_is_an_error(server: LiveServer) -> None:
    with pytest.raises(ApiError):
        RemoteReader(server.address, "unknown")
