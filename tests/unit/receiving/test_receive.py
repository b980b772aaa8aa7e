from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from lungwise.access import Person
from lungwise.receiving.film_files import FilmFiles
from lungwise.receiving.receive import Receive
from lungwise.receiving.uploads import Upload
from lungwise.store import CollisionError, FilmStore
from lungwise.wiring import Wiring

if TYPE_CHECKING:
    from lungwise.settings import Settings
    from lungwise.web_app import Lungwise


@pytest.fixture
def receive(app: Lungwise, settings: Settings) -> Iterator[Receive]:
    yield Wiring(settings, FilmStore(settings)).receive(app.database)


def test_a_file_is_in_the_store_before_the_transaction_begins(
    app: Lungwise, receive: Receive, enrol: Callable[..., Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, order = enrol(app, "Ada"), list[str]()
    put = receive.store.put

    def noted_put(key: str, data: bytes, name: str = "", *, anew: bool = False) -> str:
        order.append("put")
        return put(key, data, name, anew=anew)

    monkeypatch.setattr(receive.store, "put", noted_put)
    event.listen(app.database.engine, "begin", lambda _connection: order.append("begin"))
    item = Upload(data=b"a report", kind="DICOM")
    assert receive.run(lambda files: receive.keep_object(files, ada, item, "CR1"))
    assert order.index("put") < len(order) - 1 - order[::-1].index("begin")
    assert not receive.run(lambda files: receive.keep_object(files, ada, item, "CR1"))
    assert order.count("put") == 1


def test_an_object_whose_commit_gave_no_answer_is_kept_and_one_whose_file_is_missing_is_put_back(
    app: Lungwise, receive: Receive, enrol: Callable[..., Person]
) -> None:
    ada, item = enrol(app, "Ada"), Upload(data=b"a report", kind="DICOM")

    def lose_answer(_session: Session) -> None:
        raise OSError("the answer is lost")

    event.listen(Session, "after_commit", lose_answer, once=True)
    with pytest.raises(OSError, match="answer is lost"):
        receive.run(lambda files: receive.keep_object(files, ada, item, "CR1"))
    ((key, name),) = receive.store.films()
    assert not receive.run(lambda files: receive.keep_object(files, ada, item, "CR1"))
    receive.store.delete(key)
    assert receive.run(lambda files: receive.keep_object(files, ada, item, "CR1"))
    assert list(receive.store.films()) == [(key, name)]


def test_an_attempt_that_collides_is_repeated_and_leaves_no_file(receive: Receive, film: Callable[..., bytes]) -> None:
    tries = list[str]()

    def attempt(files: FilmFiles) -> int:
        files.put(f"{len(tries):020}", [Upload(data=film(1), kind="JPEG")])
        tries.append("")
        if len(tries) < 3:
            raise CollisionError("once more")
        return len(tries)

    assert receive.run(attempt) == 3
    assert list(receive.store.films()) == []


def test_a_film_of_no_known_uid_is_not_held(
    app: Lungwise, receive: Receive, enrol: Callable[..., Person], film: Callable[..., bytes]
) -> None:
    ada = enrol(app, "Ada")
    receive.run(lambda files: receive.hold(files, ada, Upload(data=film(1), kind="JPEG"), "CR1"))
    assert list(receive.store.films()) == []
