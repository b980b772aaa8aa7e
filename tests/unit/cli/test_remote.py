"""A server in place of a reader; `integration/test_client.py` has `lungwise read --server` as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from live_server import LiveServer, live_server
from lungwise.cli.remote import RemoteReader
from lungwise.client import ApiError

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


def test_a_token_that_the_server_does_not_know_is_an_error(server: LiveServer) -> None:
    with pytest.raises(ApiError):
        RemoteReader(server.address, "unknown")
