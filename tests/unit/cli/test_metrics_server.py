from __future__ import annotations

import socket

import pytest
from click.testing import CliRunner

from lungwise.cli import main


@pytest.mark.parametrize("command", ["worker", "node", "hl7"])
def test_where_the_metrics_are_given_is_an_address_and_a_port(command: str) -> None:
    for given in ("9100", ":9100", "127.0.0.1:", "127.0.0.1:http", "127.0.0.1:0", "127.0.0.1:65536"):
        done = CliRunner().invoke(main, [command, "--metrics", given])
        assert done.exit_code == 2
        assert "an address and a port" in done.stderr


@pytest.mark.parametrize("command", ["worker", "node", "hl7"])
def test_where_something_listens_already_the_address_is_said(command: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        done = CliRunner().invoke(main, [command, "--metrics", where])
    assert done.exit_code == 1
    assert f"cannot listen at {where}" in done.output and "Check --metrics" in done.output
