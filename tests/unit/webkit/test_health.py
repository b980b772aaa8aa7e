from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from conftest import Visitor
    from lungwise.web_app import Lungwise


def test_a_process_is_alive_and_ready(app: Lungwise, visit: Callable[..., Visitor]) -> None:
    assert visit(app).get("/healthz").json == {"status": "alive"}
    ready = visit(app).get("/readyz")
    assert ready.status_code == 200
    assert ready.json == {
        "status": "ready",
        "database": True,
        "films": True,
        "queue": {"films": 0, "oldest_seconds": 0},
    }


def test_strangers_do_not_see_how_long_the_queue_is(app: Lungwise, visit: Callable[..., Visitor]) -> None:
    assert "queue" not in (visit(app, "192.0.2.7").get("/readyz").json or {})


def test_without_room_for_films_a_process_is_not_ready(
    app: Lungwise, visit: Callable[..., Visitor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lungwise.store.FilmStore.writable", lambda _store: False)
    answer = visit(app).get("/readyz")
    assert answer.status_code == 503
    assert answer.json is not None and answer.json["status"] == "not ready"
