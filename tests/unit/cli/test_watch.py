from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from listener import listener
from lungwise.cli import main
from lungwise.monitoring.cusum import BASELINE
from watched import RIGHT, WRONG, open_studies, verify

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Services


@pytest.fixture
def run(services: Services, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Run `lungwise watch` over the services' installation."""
    monkeypatch.setenv("LUNGWISE_DATA_FOLDER", str(services.settings.data_folder))

    def run(*arguments: str, ends: int = 0) -> str:
        services.session.commit()
        result = CliRunner().invoke(main, ["watch", *arguments])
        assert result.exit_code == ends, result.output
        return result.output

    return run


def test_the_watch_looks_now_lists_what_is_open_and_calls_the_webhook(
    services: Services, run: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = services.person()
    assert run() == "No alarm is open.\n"
    assert "There is no webhook" in run("--try-webhook", ends=1)
    open_studies(services.session, ada, 60, services.clock())
    verify(services.session, ada, [RIGHT] * BASELINE + [WRONG] * 8)
    with listener() as heard:
        monkeypatch.setenv("LUNGWISE_WEBHOOK_URL", f"http://127.0.0.1:{heard.server_port}/alarms")
        assert "webhook_url needs webhook_secret" in run(ends=1)
        monkeypatch.setenv("LUNGWISE_WEBHOOK_SECRET", "a secret that nobody guesses")
        assert run("--try-webhook") == "The webhook took the message.\n"
        assert run(ends=3).startswith("Hill: COVID-19: the model misses more patients than before. Of the last")
        (line,) = run("--json", ends=3).splitlines()
        assert [json.loads(body)["event"] for _headers, body in heard.messages] == ["test", "alarm"]
        heard.status = 500
        assert "it answered 500" in run("--try-webhook", ends=1)
    assert {"clinic": "Hill", "finding": "COVID-19", "sort": "misses"}.items() <= json.loads(line).items()
