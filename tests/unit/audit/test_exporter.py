"""The audit trail arrives at a syslog server, each entry once, in order, without a name."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from lungwise.audit.actions import Action, Subject
from lungwise.audit.exporter import AuditExporter
from lungwise.audit.syslog import SyslogError
from lungwise.store import Database
from syslog_peer import SyslogPeer

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Services
    from lungwise.settings import Settings


def exporter(services: Services, peer: SyslogPeer, database: Database) -> AuditExporter:
    return AuditExporter(database, aimed_at(services.settings, peer), services.clock)


def aimed_at(settings: Settings, peer: SyslogPeer) -> Settings:
    server = {"audit_syslog": f"127.0.0.1:{peer.port}", "audit_syslog_ca": peer.ca}
    return settings.model_copy(update={**server, "public_url": "https://lungwise.example.org"})


def test_the_trail_is_sent_as_it_grows(either_services: Services, tmp_path: Path) -> None:
    services = either_services
    ada = services.person("Béla")
    services.session.commit()
    with closing(Database(services.settings)) as database, SyslogPeer(tmp_path) as peer:
        first, second = (exporter(services, peer, database) for _ in range(2))
        before = first.unsent()
        assert (first.send_all(), first.unsent(), len(peer.received)) == (before, 0, before)
        services.audit.record(ada, Action.SAW, Subject.STUDY, "a" * 20)
        services.audit.record_words(ada, Action.SEARCHED, Subject.PATIENT, " Bartók  Béla")
        services.audit.record_words(ada, Action.SEARCHED, Subject.PATIENT, "bartók béla")
        services.session.commit()
        assert second.send_all() == 0  # it is the other's turn
        services.clock.forward(minutes=3)
        assert (second.send_all(), second.unsent(), first.send_all()) == (3, 0, 0)
        saw, one, same = peer.received[before:]
        assert not any(word in text.text for text in peer.received for word in ("Béla", "art\xf3k", "B\xe9la"))
        assert "study-" + "a" * 20 in saw.text
        assert one.text.split("patient-")[1][:40] == same.text.split("patient-")[1][:40]
        assert one.header[2] == "lungwise.example.org"


def test_a_turn_of_a_clock_that_ran_ahead_ends_once_it_is_mended(services: Services, tmp_path: Path) -> None:
    services.person()
    services.session.commit()
    with closing(Database(services.settings)) as database, SyslogPeer(tmp_path) as peer:
        first, second = (exporter(services, peer, database) for _ in range(2))
        services.clock.forward(days=400)
        first.send_all()
        services.clock.forward(days=-400)
        services.audit.record(services.person("Bob"), Action.SIGNED_IN, Subject.ACCOUNT, "b")
        services.session.commit()
        waiting = second.unsent()
        assert (second.send_all(), second.unsent()) == (waiting, 0)


def test_what_the_server_does_not_take_is_sent_later(services: Services, tmp_path: Path) -> None:
    services.person()
    services.session.commit()
    with closing(Database(services.settings)) as database, SyslogPeer(tmp_path) as peer:
        sender = exporter(services, peer, database)
        waiting = sender.unsent()
        peer.breaks_off = True
        with pytest.raises(SyslogError):
            sender.send_all()
        assert sender.unsent() == waiting > 0
        peer.breaks_off = False
        assert (sender.send_all(), sender.unsent()) == (waiting, 0)
        services.audit.record(services.person("Bob"), Action.SIGNED_IN, Subject.ACCOUNT, "b")
        services.session.commit()
        sender.start()
        for _ in range(200):
            if len(peer.received) > waiting:
                break
            sender._stopping.wait(0.1)
        sender.stop()
        assert "110122" in peer.received[-1].text
