from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import pytest

from dicom_peers import make_certificate
from inbox import inbox
from lungwise.accounts.mail_server import AddressRefusedError, MailServer
from servers import free_port

if TYPE_CHECKING:
    from pathlib import Path

    from lungwise.settings import Settings


def test_a_mail_goes_to_the_mail_server(settings: Settings) -> None:
    with inbox() as box:
        MailServer(box.set_up(settings)).send("ada@example.org", "Votre invitation à Lungwise", "Open this link\n")
        (mail,) = box.mails
    assert (mail["To"], mail["From"]) == ("ada@example.org", "clinic@example.org")
    assert "Open this link" in str(mail.get_payload())
    assert abs(parsedate_to_datetime(mail["Date"]) - datetime.now(UTC)) < timedelta(hours=1)
    assert mail["Message-ID"].endswith("@example.org>")


def test_no_two_mails_have_one_identifier(settings: Settings) -> None:
    with inbox() as box:
        server = MailServer(box.set_up(settings))
        for _ in range(2):
            server.send("ada@example.org", "subject", "text")
        assert len({mail["Message-ID"] for mail in box.mails}) == 2


def test_only_the_mail_server_whose_certificate_is_good_gets_mails_and_the_password(
    settings: Settings, tmp_path: Path
) -> None:
    for name in ("clinic", "stranger"):
        make_certificate(tmp_path, name)
    with inbox(tmp_path / "clinic.pem") as box:
        asks = box.set_up(settings, smtp_tls=True)
        for ca in (None, tmp_path / "stranger.pem"):
            with pytest.raises(ssl.SSLCertVerificationError):
                MailServer(asks.model_copy(update={"smtp_tls_ca": ca})).send("ada@example.org", "subject", "text")
        assert not any("ada@example.org" in line for line in box.commands)
        known = asks.model_copy(update={"smtp_tls_ca": tmp_path / "clinic.pem"})
        MailServer(known).send("ada@example.org", "subject", "text")
        (mail,) = box.mails
    assert mail["To"] == "ada@example.org"


def test_a_mail_server_that_is_away_or_knows_no_tls_takes_nothing(settings: Settings) -> None:
    away = settings.model_copy(update={"smtp_host": "127.0.0.1", "smtp_port": free_port()})
    with pytest.raises(OSError):
        MailServer(away).send("ada@example.org", "subject", "text")
    with inbox() as box:
        with pytest.raises(OSError):
            MailServer(box.set_up(settings, smtp_tls=True)).send("ada@example.org", "subject", "text")
        assert not any("ada@example.org" in line for line in box.commands)


@pytest.mark.parametrize("address", ["", "ada@example.org\r\nBcc: eve@example.org", "a@b, c@d\n"])
def test_what_is_no_address_gets_no_mail(address: str, settings: Settings) -> None:
    with inbox() as box:
        with pytest.raises((AddressRefusedError, OSError)):
            MailServer(box.set_up(settings)).send(address, "subject", "text")
        assert not box.sent


def test_an_address_that_the_server_refuses_for_good_is_told_from_one_it_refuses_now(settings: Settings) -> None:
    with inbox() as box:
        server = MailServer(box.set_up(settings))
        box.answer = "550 no such user"
        with pytest.raises(AddressRefusedError):
            server.send("ada@example.org", "subject", "text")
        box.answer = "450 try later"
        with pytest.raises(OSError):
            server.send("ada@example.org", "subject", "text")
