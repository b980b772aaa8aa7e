from __future__ import annotations

from click.testing import CliRunner

from lungwise.cli import main


def test_where_the_metrics_are_given_is_an_address_and_a_port() -> None:
    for given in ("9100", ":9100", "127.0.0.1:", "127.0.0.1:http"):
        done = CliRunner().invoke(main, ["worker", "--metrics", given])
        assert done.exit_code == 2
        assert "an address and a port" in done.stderr
