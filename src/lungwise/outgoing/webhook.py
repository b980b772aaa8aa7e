"""Reports for a webhook: the API's JSON of a report, signed as messages about alarms are."""

from __future__ import annotations

from lungwise.api.report_message_schemas import ReportMessage as Body
from lungwise.api.report_message_schemas import WithdrawalMessage as WithdrawalBody
from lungwise.api.resources.representations import report_of
from lungwise.monitoring.webhook import SIGNATURE, signature_header
from lungwise.outgoing.exchange import Exchange
from lungwise.reports.outgoing import NotSentError, RefusedError, ReportMessage, Withdrawal
from lungwise.settings import Settings
from lungwise.store import Clock
from lungwise.studies.headlines import Headlines

_NEVER = frozenset({400, 410, 413, 422})
"""What is answered to a message that is not taken however often it comes."""


class ReportWebhook:
    """The address that the settings name for reports."""

    name = "webhook"

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._exchange = Exchange(settings.report_webhook_url, settings.report_tls_ca)
        self._secret = settings.report_webhook_secret.get_secret_value().encode()
        self._clock = clock

    def write(self, message: ReportMessage) -> bytes:
        """Write a report as the API gives it, with its version."""
        headlines = Headlines(message.words, message.worth)
        report = report_of(message.report, message.studies.data, headlines, message.words)
        body = Body(event="report", id=message.key, version=message.version, report=report)
        return body.model_dump_json().encode()

    def write_withdrawal(self, withdrawal: Withdrawal) -> bytes:
        """Write that a report is withdrawn, and under whom it was sent."""
        of = withdrawal.identifiers
        body = WithdrawalBody(
            event="withdrawn",
            id=withdrawal.key,
            version=withdrawal.version,
            clinic=withdrawal.clinic,
            study=of.study,
            patient=of.patient,
            identifier=of.facts.identifier,
            issuer=of.facts.issuer,
        )
        return body.model_dump_json().encode()

    def send(self, body: bytes, key: str) -> None:
        """Send what was written; of the answer only the status counts."""
        signed = signature_header(self._secret, self._clock, body)
        headers = {"Content-Type": "application/json", "Idempotency-Key": key, SIGNATURE: signed}
        answer = self._exchange.post(body, headers)
        if answer.is_success:
            return
        if answer.status in _NEVER:
            raise RefusedError(answer.sentence)
        raise NotSentError(answer.sentence, away=answer.is_away, may_have_it=not answer.is_rejection)
