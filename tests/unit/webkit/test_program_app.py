from __future__ import annotations

from typing import TYPE_CHECKING

from flask_babel import get_locale
from sqlalchemy.orm import scoped_session

from lungwise.store import Database
from lungwise.webkit.program_app import program_app

if TYPE_CHECKING:
    from collections.abc import Callable

    from lungwise.settings import Settings


def test_programs_get_problems_and_attachments(settings: Settings, migrate: Callable[[Settings], None]) -> None:
    migrate(settings)
    database = Database(settings)
    with database.reading() as session:
        app = program_app("program", settings, database, scoped_session(lambda: session), lambda: "fr")  # type: ignore[arg-type]
        app.add_url_rule("/language", view_func=lambda: {"language": str(get_locale())})
        client = app.test_client()
        answer = client.get("/language")
        assert answer.json == {"language": "fr"}
        assert answer.headers["Content-Disposition"] == 'attachment; filename="api.json"'
        assert client.get("/nothing").mimetype == "application/problem+json"
    database.close()
