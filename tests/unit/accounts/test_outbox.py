from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select, text

from lungwise.accounts.models import Mail
from lungwise.accounts.outbox import LIMIT, LONGEST_AGE, Letter, MailKind, Outbox
from lungwise.store import Database
from lungwise.store.migrations import upgrade

if TYPE_CHECKING:
    from conftest import Clock, Services
    from lungwise.settings import Settings

LETTER = Letter(to="ada@example.org", language="en", subject="Your invitation", text="Open https://x/SECRET")


@pytest.fixture
def outbox(services: Services) -> Outbox:
    return Outbox(services.session, services.clock, enabled=True)


def claim_all(outbox: Outbox) -> list[Letter]:
    """Claim and drop whatever is due."""
    letters = []
    while (mail := outbox.claim()) is not None:
        outbox.finish(mail)
        letters.append(mail.letter)
    return letters


def test_a_mail_is_claimed_once_and_gone_when_it_is_sent(outbox: Outbox, services: Services) -> None:
    outbox.add(MailKind.NOTICE, LETTER)
    assert outbox.any_due()
    mail = outbox.claim()
    assert mail is not None and mail.letter == LETTER
    assert outbox.claim() is None
    outbox.finish(mail)
    assert services.session.scalars(select(Mail)).all() == []


def test_what_waits_is_encrypted(outbox: Outbox, services: Services) -> None:
    outbox.add(MailKind.NOTICE, LETTER)
    content = bytes(services.session.execute(text("SELECT content FROM mails")).scalar_one())
    assert b"SECRET" not in content
    assert b"ada@" not in content


def test_a_mail_that_was_exchanged_for_another_is_not_sent(
    outbox: Outbox, services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    for to in ("ada@example.org", "eve@example.org"):
        outbox.add(MailKind.NOTICE, Letter(to=to, language="en", subject="Link", text="Open it"))
    first = "(SELECT content FROM mails ORDER BY id LIMIT 1)"
    services.session.execute(text(f"UPDATE mails SET content = {first} WHERE id = (SELECT MAX(id) FROM mails)"))
    services.session.expire_all()
    assert [letter.to for letter in claim_all(outbox)] == ["ada@example.org"]
    assert "deleted unsent" in caplog.text


def test_without_a_mail_server_nothing_waits(services: Services) -> None:
    outbox = Outbox(services.session, services.clock, enabled=False)
    outbox.add(MailKind.NOTICE, LETTER)
    assert not outbox.any_due()


def test_a_limit_of_a_clock_that_ran_ahead_drops_no_mail(outbox: Outbox, services: Services) -> None:
    services.clock.forward(days=400)
    outbox.add(MailKind.RECOVERY, LETTER)
    assert claim_all(outbox) == [LETTER]
    services.clock.forward(days=-400)
    for sent in ([LETTER], []):
        outbox.add(MailKind.RECOVERY, LETTER)
        assert claim_all(outbox) == sent


@pytest.mark.parametrize("kind", [MailKind.RECOVERY, MailKind.REGISTRATION])
def test_what_anybody_can_ask_for_goes_to_an_address_once_in_a_while(
    kind: MailKind, outbox: Outbox, clock: Clock
) -> None:
    for to in ("ada@example.org", " Ada@Example.org", "bob@example.org", "ada@example.org"):
        outbox.add(kind, Letter(to=to, language="en"))
    assert [letter.to for letter in claim_all(outbox)] == ["ada@example.org", "bob@example.org"]
    clock.forward(seconds=LIMIT.total_seconds() - 1)
    outbox.add(kind, LETTER)
    assert claim_all(outbox) == []
    clock.forward(seconds=2)
    outbox.add(kind, LETTER)
    assert claim_all(outbox) == [LETTER]


def test_what_an_administrator_sends_is_not_limited(outbox: Outbox) -> None:
    for _ in range(3):
        outbox.add(MailKind.NOTICE, LETTER)
    assert len(claim_all(outbox)) == 3


def test_a_mail_whose_sender_died_is_taken_up_by_another(outbox: Outbox, clock: Clock) -> None:
    outbox.add(MailKind.RECOVERY, LETTER)
    assert outbox.claim() is not None
    clock.forward(minutes=2)
    assert outbox.claim() is None
    clock.forward(minutes=2)
    assert claim_all(outbox) == [LETTER], "its own first attempt is no reason to limit it"


def test_a_mail_that_is_not_taken_waits_longer_each_time_and_not_for_ever(
    outbox: Outbox, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    outbox.add(MailKind.NOTICE, LETTER)
    began, tries = clock(), []
    while (mail := outbox.claim()) is not None:
        outbox.fail(mail, "away")
        tries.append((clock() - began).total_seconds())
        clock.forward(seconds=_pause(len(tries)) - 1)
        assert not outbox.any_due()
        clock.forward(seconds=1)
    assert LONGEST_AGE.total_seconds() - 900 <= tries[-1] < LONGEST_AGE.total_seconds()
    assert not outbox.any_due()
    assert "did not take it in time" in caplog.text
    assert "ada@" not in caplog.text


def _pause(attempts: int) -> float:
    return min(30 * 2.0 ** (attempts - 1), 15 * 60)


def test_two_senders_never_claim_one_mail(mariadb_url: str, settings: Settings, clock: Clock) -> None:
    database = Database(settings.model_copy(update={"database_url": mariadb_url}))
    upgrade(database.engine)
    with database.writing() as session:
        Outbox(session, clock, enabled=True).add(MailKind.RECOVERY, LETTER)
    with database.writing() as one, database.writing() as other:
        claimed = [Outbox(session, clock, enabled=True).claim() for session in (one, other)]
    assert [mail and mail.letter for mail in claimed] == [LETTER, None]
    with database.writing() as session:
        outbox = Outbox(session, clock, enabled=True)
        outbox.add(MailKind.RECOVERY, LETTER)
        assert outbox.claim() is None, "the limit holds for all processes"
    database.close()
