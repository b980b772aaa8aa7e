from lungwise.monitoring.models import Alarm, WatchRun
from lungwise.store.lease_queue import Leased


def test_what_is_watched_and_what_is_called_are_queues_of_their_own() -> None:
    assert issubclass(Alarm, Leased) and issubclass(WatchRun, Leased)
    assert Alarm.running != WatchRun.running
