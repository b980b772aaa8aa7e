from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError
from sqlalchemy import select

from lungwise.access import Role
from lungwise.accounts.models import SignInFailures
from lungwise.accounts.throttle import Guess, Lock, Secret, Throttle
from lungwise.audit.models import AuditEntry
from lungwise.audit.service import AuditTrail
from lungwise.settings import Settings
from lungwise.store import Database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import Clock, Services


def guess(name: str = "ada@example.org") -> Guess:
    return Guess(secret=Secret.SIGN_IN, name=name)


@pytest.fixture
def database(settings: Settings, migrate: Callable[[Settings], None]) -> Iterator[Database]:
    """Give an empty database."""
    yield from opened(settings, migrate)


@pytest.fixture
def either_database(either: Settings, migrate: Callable[[Settings], None]) -> Iterator[Database]:
    """Give an empty database, SQLite and again MariaDB."""
    yield from opened(either, migrate)


def opened(settings: Settings, migrate: Callable[[Settings], None]) -> Iterator[Database]:
    migrate(settings)
    database = Database(settings)
    yield database
    database.close()


def over(database: Database, settings: Settings, clock: Clock, address: str = "10.0.0.1") -> Throttle:
    session = database.session(writes=True)
    return Throttle(database, session, clock, settings, lambda own, at: AuditTrail(own, clock, at), address)


@pytest.fixture
def throttle(database: Database, settings: Settings, clock: Clock) -> Callable[..., Throttle]:
    """Give what opens a throttle for one address."""
    return lambda address="10.0.0.1": over(database, settings, clock, address)


def fail(throttle: Throttle, guess: Guess, times: int = 1) -> list[Lock | None]:
    found = []
    for _ in range(times):
        found.append(throttle.admit(guess))
        if found[-1] is None:
            throttle.failed(guess)
    return found


def counts(database: Database) -> list[int]:
    with database.reading() as session:
        return sorted(session.scalars(select(SignInFailures.count)))


def test_locks_of_a_clock_that_ran_ahead_end_once_it_is_mended(
    either_database: Database, either: Settings, clock: Clock
) -> None:
    throttle = over(either_database, either, clock)
    clock.forward(days=400)
    for number in range(either.address_failures // either.sign_in_failures + 1):
        fail(throttle, guess(f"{number}@example.org"), either.sign_in_failures)
    assert throttle.admit(guess("0@example.org")) is Lock.ADDRESS
    clock.forward(days=-400)
    assert fail(throttle, guess("0@example.org"), either.sign_in_failures) == [None] * either.sign_in_failures
    assert throttle.admit(guess("0@example.org")) is Lock.ACCOUNT
    clock.forward(seconds=-5)  # another machine's clock
    assert throttle.admit(guess("0@example.org")) is Lock.ACCOUNT


def test_an_account_is_locked_after_five_failures_and_open_again_after_a_while(
    throttle: Callable[..., Throttle], clock: Clock
) -> None:
    for number in range(5):
        assert fail(throttle(f"10.0.0.{number}"), guess()) == [None]
    assert throttle("10.0.0.9").admit(guess()) is Lock.ACCOUNT
    assert throttle("10.0.0.9").admit(guess("eve@example.org")) is None
    clock.forward(minutes=16)
    assert throttle("10.0.0.9").admit(guess()) is None


def test_an_address_is_locked_that_tries_many_accounts(throttle: Callable[..., Throttle]) -> None:
    for number in range(30):
        fail(throttle(), guess(f"nobody{number}@example.org"))
    assert throttle().admit(guess()) is Lock.ADDRESS
    assert throttle("10.0.0.2").admit(guess()) is None


def test_right_guesses_keep_no_failures_of_an_address_alive(throttle: Callable[..., Throttle], clock: Clock) -> None:
    """As in a hospital behind one address, where somebody signs in every ten minutes and mistypes once an hour."""
    for number in range(6 * 31):
        one = guess(f"{number}@example.org")
        assert throttle().admit(one) is None
        if number % 6:
            throttle().succeeded(one)
        else:
            throttle().failed(one)
        clock.forward(minutes=10)


def test_an_address_stays_locked_for_the_whole_time_after_its_last_failure(
    throttle: Callable[..., Throttle], clock: Clock
) -> None:
    fail(throttle(), guess("first@example.org"))
    clock.forward(minutes=14)
    for number in range(29):
        fail(throttle(), guess(f"nobody{number}@example.org"))
    clock.forward(minutes=14)
    assert throttle().admit(guess()) is Lock.ADDRESS
    clock.forward(minutes=2)
    assert throttle().admit(guess()) is None


def test_a_network_of_ipv6_is_one_address(throttle: Callable[..., Throttle]) -> None:
    for number in range(30):
        fail(throttle(f"2001:db8::{number:x}"), guess(f"nobody{number}@example.org"))
    assert throttle("2001:db8::ffff:1").admit(guess()) is Lock.ADDRESS
    assert throttle("2001:db8:0:1::1").admit(guess()) is None
    assert throttle("::ffff:10.0.0.1").admit(guess()) is None


def test_a_success_forgets_the_account_but_not_the_address(throttle: Callable[..., Throttle]) -> None:
    for _ in range(29):
        assert fail(throttle(), guess()) == [None]
        assert throttle().admit(guess()) is None
        throttle().succeeded(guess())
    assert fail(throttle(), guess("eve@example.org")) == [None]
    assert throttle().admit(guess()) is Lock.ADDRESS


def test_every_guess_at_a_lock_is_counted_with_it_and_locks_nothing_else(
    throttle: Callable[..., Throttle], database: Database, clock: Clock
) -> None:
    assert fail(throttle(), guess(), 100) == [None] * 5 + [Lock.ACCOUNT] * 95
    assert counts(database) == [5, 100]
    clock.forward(minutes=14)
    assert fail(throttle(), guess()) == [Lock.ACCOUNT]
    clock.forward(minutes=2)
    assert fail(throttle(), guess()) == [None]  # the guesses meanwhile made the lock no longer


def test_guesses_at_once_do_not_outrun_the_lock_and_none_is_lost(
    either_database: Database, either: Settings, clock: Clock
) -> None:
    at_once = threading.Barrier(8)

    def several(_: int) -> list[Lock | None]:
        at_once.wait()
        return fail(over(either_database, either, clock), guess(), 5)

    with ThreadPoolExecutor(8) as pool:
        found = [lock for locks in pool.map(several, range(8)) for lock in locks]
    assert found.count(None) == 5
    assert counts(either_database) == [5, 40]


def test_the_trail_has_a_row_a_minute_with_the_count(services: Services, database: Database, clock: Clock) -> None:
    ada = services.user("Ada", "Hill", Role.DOCTOR)
    throttle = over(database, services.settings, clock)

    def told() -> list[tuple[str, int | None]]:
        with database.reading() as session:
            rows = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
            assert AuditTrail(session, clock).verify() is None
        return [(row.action, row.times) for row in rows if row.action != "registered"]

    theirs = Guess(secret=Secret.CODE, name=ada.key, account=ada)
    fail(throttle, theirs, 50)
    wrong = [("failed to sign in", None)] * 5
    assert told() == [*wrong, ("tried while locked", 1)]
    clock.forward(seconds=61)
    fail(throttle, theirs, 50)
    assert told() == [*wrong, ("tried while locked", 1), ("tried while locked", 45)]
    throttle.report()
    assert len(told()) == 7  # within the minute
    clock.forward(seconds=61)
    throttle.report()
    throttle.report()
    assert told()[7:] == [("tried while locked", 49)]


@pytest.mark.parametrize("more", [{"sign_in_failures": 9}, {"lock_minutes": 14}])
def test_no_setting_lets_one_guess_at_an_account_a_hundred_times_an_hour(more: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        Settings(**more)  # type: ignore[arg-type]
    most = Settings(sign_in_failures=8, lock_minutes=15)
    nobody_s = (Secret.SETUP_CODE, Secret.PROVIDER, Secret.ANSWER)  # the provider's are no account's secret
    kinds = [secret for secret in Secret if secret not in nobody_s]  # each has a lock of its own
    assert len(kinds) * most.sign_in_failures * 60 / most.lock_minutes <= 100


def test_rows_that_say_nothing_any_more_are_cleared_out(
    throttle: Callable[..., Throttle], database: Database, clock: Clock
) -> None:
    fail(throttle("10.0.0.1"), guess("nobody@example.org"))
    clock.forward(days=2)
    fail(throttle("10.0.0.2"), guess())
    assert len(counts(database)) == 2


def test_a_guess_at_no_account_leaves_as_much_as_one_at_an_account(
    throttle: Callable[..., Throttle], database: Database, clock: Clock
) -> None:
    fail(throttle(), guess("nobody@example.org"), times=7)
    with database.reading() as session:
        told = [(entry.action, entry.clinic_id, entry.address) for entry in session.scalars(select(AuditEntry))]
        assert AuditTrail(session, clock).verify() is None
    assert told == [("failed to sign in", None, "10.0.0.1")] * 5


def test_the_table_names_nobody(throttle: Callable[..., Throttle], database: Database) -> None:
    fail(throttle(), guess("ada@example.org\ud800"))
    with database.reading() as session:
        names = list(session.scalars(select(SignInFailures.name)))
    assert len(names) == 2
    assert all(len(name) == 64 for name in names)
