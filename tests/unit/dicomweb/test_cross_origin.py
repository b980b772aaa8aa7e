from __future__ import annotations

from flask import Flask

from lungwise.dicomweb.cross_origin import allow_origins

VIEWER = "https://viewer.example.org"


def asked(origin: str, method: str = "GET", *, origins: tuple[str, ...] = (VIEWER,)) -> tuple[int, str | None]:
    app = Flask("viewed")
    allow_origins(app, origins)
    app.before_request(lambda: ("", 401) if not origin else None)
    app.add_url_rule("/studies", "studies", lambda: "[]")
    answer = app.test_client().open("/studies", method=method, headers={"Origin": origin})
    return answer.status_code, answer.headers.get("Access-Control-Allow-Origin")


def test_a_page_of_a_named_origin_may_read_the_answers_and_no_other() -> None:
    assert asked(VIEWER) == (200, VIEWER)
    assert asked(VIEWER, "OPTIONS") == (204, VIEWER)
    assert asked("https://elsewhere.example.org") == (200, None)
    assert asked(VIEWER, origins=()) == (200, None)
