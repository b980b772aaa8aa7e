"""Messages go to a real TLS server as RFC 5425 says, and only to the one that is meant."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from lungwise.audit.syslog import SyslogError, SyslogServer, syslog_message
from syslog_peer import SyslogPeer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

AT = datetime(2026, 3, 2, 9, 0, 0, 123456, tzinfo=UTC)


@pytest.fixture
def peer(tmp_path: Path) -> Iterator[SyslogPeer]:
    with SyslogPeer(tmp_path) as peer:
        yield peer


def test_messages_arrive_whole_and_in_order(peer: SyslogPeer) -> None:
    texts = ["<a/>", "é" * 5000, "a\nb"]
    peer.server().send(syslog_message(AT, "lungwise.example.org", text) for text in texts)
    assert [one.text for one in peer.received] == texts
    first = peer.received[0]
    assert first.header[:3] == ["<85>1", "2026-03-02T09:00:00.123Z", "lungwise.example.org"]
    assert (first.header[3], first.header[5], first.header[6]) == ("lungwise", "IHE+RFC-3881", "-")


def test_a_server_that_is_not_the_one_that_is_meant_gets_nothing(peer: SyslogPeer, tmp_path: Path) -> None:
    with pytest.raises(SyslogError, match="certificate is not accepted"):
        SyslogServer(host="127.0.0.1", port=peer.port).send([b"x"])
    with pytest.raises(SyslogError, match="certificate is not accepted"):  # it is of another name
        SyslogServer(host="localhost", port=peer.port, ca=peer.ca).send([b"x"])
    assert peer.received == []
    with pytest.raises(SyslogError, match="refused"):
        SyslogServer(host="localhost", port=1).send([b"x"])


def test_a_server_that_does_not_read_to_the_end_has_not_got_it(peer: SyslogPeer) -> None:
    peer.breaks_off = True
    with pytest.raises(SyslogError):
        peer.server().send([b"x" * 1000] * 20_000)
