from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def test_an_opinion_with_a_key_is_kept_once(program: Any, film: Callable[..., bytes]) -> None:
    study = program.upload(film(1))
    path, key = f"/studies/{study['key']}/opinions", {"Idempotency-Key": "one"}
    first, again = (program.ask("POST", path, key, json={"note": "seen"}) for _ in range(2))
    assert first.json == again.json
    assert program.ask("POST", path, key, json={"note": "other"}).status_code == 409
    assert len(program.get(path)["items"]) == 1
