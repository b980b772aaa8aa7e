from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

from flask import Flask, Response

from lungwise.webkit import compression

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Visitor
    from lungwise.web_app import Lungwise

TAKES = {"Accept-Encoding": "br, gzip"}


def test_pages_files_and_answers_to_programs_are_compressed_for_those_who_take_it(
    app: Lungwise, visit: Callable[..., Visitor]
) -> None:
    for path in ("/sign-in", "/static/style.css", "/static/viewer.js", "/api/v1/openapi.json"):
        plain, packed = visit(app).get(path), visit(app).get(path, headers=TAKES)
        assert packed.headers["Content-Encoding"] == "gzip" and "Accept-Encoding" in packed.headers["Vary"], path
        assert len(packed.data) == packed.content_length < 0.6 * len(plain.data), path
        assert "Content-Encoding" not in plain.headers and "Accept-Encoding" in plain.headers["Vary"], path
        if path.startswith("/static"):
            assert gzip.decompress(packed.data) == plain.data


def small_app() -> Flask:
    app = Flask(__name__)
    compression.init_app(app)
    app.add_url_rule("/short", view_func=lambda: "short", endpoint="short")
    app.add_url_rule("/long", view_func=lambda: "word " * 500, endpoint="long")
    app.add_url_rule("/film", view_func=lambda: Response(b"\0" * 5000, mimetype="image/jpeg"), endpoint="film")
    app.add_url_rule(
        "/stream",
        view_func=lambda: Response(iter(["a" * 500] * 9), mimetype="text/csv"),
        endpoint="stream",
    )
    return app


def test_what_is_short_no_text_or_sent_bit_by_bit_stays_as_it_is() -> None:
    client = small_app().test_client()
    for path in ("/short", "/film", "/stream", "/nothing"):
        assert "Content-Encoding" not in client.get(path, headers=TAKES).headers, path
    assert "Content-Encoding" not in client.head("/long", headers=TAKES).headers
    assert "Content-Encoding" not in client.get("/long", headers={"Accept-Encoding": "gzip;q=0"}).headers


def test_the_length_of_a_page_tells_nothing() -> None:
    client = small_app().test_client()
    answers = [client.get("/long", headers=TAKES).data for _ in range(40)]
    assert len({len(data) for data in answers}) > 10
    assert {gzip.decompress(data) for data in answers} == {b"word " * 500}
