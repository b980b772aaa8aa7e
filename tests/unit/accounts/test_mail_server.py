from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from inbox import inbox
from lungwise.accounts.mail_server import AddressRefusedError, MailServer
from servers import free_port

if TYPE_CHECKING:
    from lungwise.settings import Settings


def test_a_mail_goes_to_the_mail_server(settings: Settings) -> None:
    with inbox() as box:
        MailServer(box.set_up(settings)).send("ada@example.org", "Votre invitation à Lungwise", "Open this link\n")
        (mail,) = box.mails
    assert (mail["To"], mail["From"]) == ("ada@example.org", "clinic@example.org")
    assert "Open this link" in str(mail.get_payload())


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
