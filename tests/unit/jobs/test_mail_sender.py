from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from inbox import inbox
from lungwise.access import Role
from lungwise.accounts.outbox import Letter, MailKind, Outbox
from lungwise.jobs.mail_sender import MailSender
from lungwise.languages import words_of
from lungwise.store import Database
from processes import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Services
    from inbox import Inbox


@pytest.fixture
def box() -> Iterator[Inbox]:
    with inbox() as box:
        yield box


@pytest.fixture
def sender(services: Services, box: Inbox) -> Iterator[MailSender]:
    settings = box.set_up(services.settings)
    database = Database(settings)
    yield MailSender(database, settings, services.clock, words_of)
    database.close()


def ask(services: Services, *addresses: str) -> None:
    """Ask for a recovery as the page does."""
    for address in addresses:
        Outbox(services.session, services.clock, enabled=True).add(MailKind.RECOVERY, Letter(to=address, language="en"))
    services.session.commit()


def test_a_recovery_goes_to_the_accounts_own_address_and_to_nobody_without_one(
    services: Services, sender: MailSender, box: Inbox
) -> None:
    services.user("Ada", "Hill", Role.DOCTOR)
    bob = services.user("Bob", "Hill", Role.DOCTOR)
    bob.active = False
    ask(services, "nobody@example.org", "ADA.hill@Example.org", "bob.hill@example.org")
    assert list(sender.work_all()) == [True]
    (mail,) = box.mails
    assert mail["To"] == "ada.hill@example.org"
    link = re.findall(r"https://lungwise.example.org/password/forgotten/[\w.\-]+", str(mail.get_payload()))
    assert len(link) == 1
    assert list(sender.work_all()) == []


def test_a_recovery_speaks_its_owners_language(services: Services, sender: MailSender, box: Inbox) -> None:
    services.user("Ada", "Hill", Role.DOCTOR).language = "fr"
    ask(services, "ada.hill@example.org")
    assert list(sender.work_all()) == [True]
    assert words_of("fr")("Choose a new password") in str(box.mails[0]["Subject"])


def test_a_mail_that_is_not_taken_is_sent_later_and_one_for_no_address_never(
    services: Services, sender: MailSender, box: Inbox, caplog: pytest.LogCaptureFixture
) -> None:
    services.user("Ada", "Hill", Role.DOCTOR)
    ask(services, "ada.hill@example.org")
    box.answer = "450 try later"
    assert list(sender.work_all()) == [False]
    box.answer = "250 ok"
    assert list(sender.work_all()) == []
    services.clock.forward(minutes=1)
    assert list(sender.work_all()) == [True]
    box.answer = "550 no such user"
    services.clock.forward(minutes=10)
    ask(services, "ada.hill@example.org")
    assert list(sender.work_all()) == [False]
    services.clock.forward(hours=1)
    assert list(sender.work_all()) == []
    assert len(box.sent) == 1
    assert "ada.hill" not in caplog.text
    assert "/password/forgotten/" not in caplog.text


def test_the_thread_sends_what_is_queued_and_stops(services: Services, sender: MailSender, box: Inbox) -> None:
    services.user("Ada", "Hill", Role.DOCTOR)
    ask(services, "ada.hill@example.org")
    sender.start()
    until(lambda: len(box.sent) == 1)
    sender.stop()
