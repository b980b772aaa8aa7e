from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from sqlalchemy.exc import OperationalError

from lungwise.jobs.lease_renewer import LeaseRenewer
from lungwise.jobs.reading_queue import Claim, Model

ONE, OTHER = (Claim(number, "token", "study", "sha256", Model("synthetic", "1")) for number in (1, 2))
LEASE = 0.003


class Renewals:
    """Counts the renewals of each claim."""

    def __init__(self) -> None:
        self.claims: list[Claim] = []
        self.came = threading.Condition()

    def __call__(self, claim: Claim) -> None:
        with self.came:
            self.claims.append(claim)
            self.came.notify_all()

    def wait_for(self, claim: Claim, times: int) -> None:
        with self.came:
            assert self.came.wait_for(lambda: self.claims.count(claim) >= times, 60)


@pytest.fixture
def hearts() -> Callable[[], list[threading.Thread]]:
    """Give the hearts that a test began: services of other tests may have one that is about to end."""
    before = set(threading.enumerate())

    def begun() -> list[threading.Thread]:
        return [thread for thread in threading.enumerate() if thread.name == "heart" and thread not in before]

    return begun


def wait_for_the_end(hearts: list[threading.Thread]) -> None:
    for thread in hearts:
        thread.join(60)
        assert not thread.is_alive()


def test_every_claim_in_hand_is_renewed_by_one_thread_that_ends_with_the_last(
    hearts: Callable[[], list[threading.Thread]],
) -> None:
    renewals = Renewals()
    heart = LeaseRenewer(renewals, LEASE)
    with heart.hold([ONE, OTHER]):
        renewals.wait_for(ONE, 2)
        renewals.wait_for(OTHER, 2)
    so_far = renewals.claims.count(OTHER)
    wait_for_the_end(hearts())
    assert renewals.claims.count(OTHER) <= so_far + 1, "one may have been under way"
    with heart.hold([ONE]), heart.hold([OTHER]):
        renewals.wait_for(ONE, 3)
        renewals.wait_for(OTHER, 3)
        assert len(hearts()) == 1
    wait_for_the_end(hearts())
    with heart.hold([OTHER]):
        renewals.wait_for(OTHER, renewals.claims.count(OTHER) + 2)
    wait_for_the_end(hearts())


def test_a_reader_that_is_stuck_loses_its_claim(hearts: Callable[[], list[threading.Thread]]) -> None:
    renewals = Renewals()
    with LeaseRenewer(renewals, LEASE).hold([ONE]):
        wait_for_the_end(hearts())
    assert renewals.claims == [ONE] * 30


@pytest.mark.parametrize("fault", [OperationalError("UPDATE jobs", {}, ConnectionError("away")), RuntimeError("odd")])
def test_no_fault_stops_the_heart(fault: Exception) -> None:
    renewals = Renewals()

    def renew(claim: Claim) -> None:
        renewals(claim)
        if len(renewals.claims) < 3:
            raise fault

    with LeaseRenewer(renew, LEASE).hold([ONE]):
        renewals.wait_for(ONE, 5)
