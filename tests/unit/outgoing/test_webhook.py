from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr, ValidationError

from lungwise.api.report_message_schemas import ReportMessage
from lungwise.cli.bootstrap import make_report_sender
from lungwise.monitoring.webhook import SIGNATURE, signature
from lungwise.outgoing.webhook import ReportWebhook
from lungwise.patients.service import PatientFacts
from lungwise.reports.outgoing import NotSentError, RefusedError
from lungwise.settings import Settings
from lungwise.store import Database
from report_receiver import SECRET, Receiver, answering, receiver

if TYPE_CHECKING:
    from conftest import Clock, Services


@pytest.fixture(scope="module")
def there() -> Iterator[Receiver]:
    with receiver() as found:
        yield found


def test_a_report_arrives_signed_as_the_api_gives_it(
    services: Services, there: Receiver, film: Callable[..., bytes]
) -> None:
    services.worker._settings = settings = there.set_up(services.settings)
    facts = PatientFacts(identifier="7", name="Asha Rao")
    study = services.studies.open(services.person(), facts, [("film", film())])
    services.read_all()
    services.session.commit()
    database = Database(settings)
    sender = make_report_sender(database, settings)
    assert sender is not None and list(sender.work_all()) == [""]
    database.close()
    (got,) = there.got
    moment, _, given = got.headers[SIGNATURE].partition(",")
    assert given == "v1=" + signature(SECRET.encode(), int(moment.removeprefix("t=")), got.body)
    message = ReportMessage.model_validate_json(got.body)
    assert (message.id, message.version) == (got.headers["Idempotency-Key"], 1) == (f"{study.key}-1", 1)
    said = message.report
    assert (said.patient.name, said.study.key, said.clinic) == ("Asha Rao", study.key, "Hill")
    assert said.study.films[0].reading is not None and said.limits
    assert json.loads(got.body)["event"] == "report"


@pytest.mark.parametrize(
    ("status", "error", "away"),
    [(500, NotSentError, False), (503, NotSentError, True), (302, NotSentError, False), (422, RefusedError, None)],
)
def test_what_is_not_taken_is_tried_again_or_refused(
    status: int, error: type[Exception], away: bool | None, settings: Settings, there: Receiver, clock: Clock
) -> None:
    there.answer = answering(status)
    with pytest.raises(error, match=f"it answers {status}") as raised:
        ReportWebhook(there.set_up(settings), clock).send(b"{}", "key-1")
    assert getattr(raised.value, "away", None) == away


@pytest.mark.parametrize(
    "url",
    [
        "http://records.example.org/",
        "http://10.0.0.1/",
        "ftp://127.0.0.1/",
        "https://user:word@example.org/",
        "http://127.0.0.1.example.org/",
        "https://a b/",
    ],
)
def test_reports_go_over_https_or_stay_on_this_machine(url: str) -> None:
    with pytest.raises(ValidationError):
        Settings(report_webhook_url=url, report_webhook_secret=SecretStr(SECRET))


def test_an_address_for_reports_needs_a_secret() -> None:
    with pytest.raises(ValidationError, match="report_webhook_url needs report_webhook_secret"):
        Settings(report_webhook_url="https://records.example.org/")
    settings = Settings(report_webhook_url="http://localhost:5000/x", report_webhook_secret=SecretStr(SECRET))
    assert settings.report_to_list == settings.destinations == ["webhook"]
