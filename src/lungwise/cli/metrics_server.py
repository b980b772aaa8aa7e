"""The option `--metrics` of commands that serve no page: their metrics at an address of their own."""

from __future__ import annotations

import click

from lungwise import metrics
from lungwise.cli.start_errors import listening

_MOST = 65535


def _host_and_port(_ctx: click.Context, _param: click.Parameter, given: str | None) -> tuple[str, int] | None:
    if given is None:
        return None
    host, _, port = given.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) <= _MOST:
        raise click.BadParameter("Write an address and a port, such as 127.0.0.1:9100.")
    return host, int(port)


metrics_option = click.option(
    "--metrics", "metrics_at", metavar="HOST:PORT", callback=_host_and_port, help="Serve metrics for Prometheus here."
)


def serve_metrics(metrics_at: tuple[str, int] | None) -> None:
    """Serve the metrics where the option says, while this process lives; nowhere without it."""
    if metrics_at:
        with listening(*metrics_at, "--metrics"):
            metrics.serve(*metrics_at)
