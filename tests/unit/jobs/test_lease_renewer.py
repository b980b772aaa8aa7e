from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from sqlalchemy.exc import OperationalError

from lungwise.jobs.lease_renewer import LeaseRenewer
from lungwise.store.lease_queue import Lease

ONE, OTHER = (Lease(job=number, token="token") for number in (1, 2))
LEASE = 0.003


class Renewals:
    """Counts the renewals of each claim."""

    def __init__(self) -> None:
        self.claims: list[Lease] = []
        self.came = threading.Condition()

    def __call__(self, claim: Lease) -> None:
        with self.came:
            self.claims.append(claim)
            self.came.notify_all()

    def wait_for(self, claim: Lease, times: int) -> None:
        with self.came:
            assert self.came.wait_for(lambda: self.claims.count(claim) >= times, 60)


@pytest.fixture
def threads() -> Callable[[], list[threading.Thread]]:
    """Give the threads that a test began: services of other tests may have one that is about to end."""
    before = set(threading.enumerate())

    def begun() -> list[threading.Thread]:
        return [thread for thread in threading.enumerate() if thread.name == "lease renewer" and thread not in before]

    return begun


def wait_for_the_end(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()


def test_every_claim_is_renewed_by_one_thread_that_ends_with_the_last(
    threads: Callable[[], list[threading.Thread]],
) -> None:
    renewals = Renewals()
    renewer = LeaseRenewer(renewals, LEASE)
    with renewer.hold([ONE, OTHER]):
        renewals.wait_for(ONE, 2)
        renewals.wait_for(OTHER, 2)
    so_far = renewals.claims.count(OTHER)
    wait_for_the_end(threads())
    assert renewals.claims.count(OTHER) <= so_far + 1, "one may have been under way"
    with renewer.hold([ONE]), renewer.hold([OTHER]):
        renewals.wait_for(ONE, 3)
        renewals.wait_for(OTHER, 3)
        assert len(threads()) == 1
    wait_for_the_end(threads())
    with renewer.hold([OTHER]):
        renewals.wait_for(OTHER, renewals.claims.count(OTHER) + 2)
    wait_for_the_end(threads())


def test_a_reader_that_is_stuck_loses_its_claim(threads: Callable[[], list[threading.Thread]]) -> None:
    renewals = Renewals()
    with LeaseRenewer(renewals, LEASE).hold([ONE]):
        wait_for_the_end(threads())
    assert renewals.claims == [ONE] * 30


@pytest.mark.parametrize("fault", [OperationalError("UPDATE jobs", {}, ConnectionError("away")), RuntimeError("odd")])
def test_no_fault_stops_the_renewals(fault: Exception) -> None:
    renewals = Renewals()

    def renew(claim: Lease) -> None:
        renewals(claim)
        if len(renewals.claims) < 3:
            raise fault

    with LeaseRenewer(renew, LEASE).hold([ONE]):
        renewals.wait_for(ONE, 5)
