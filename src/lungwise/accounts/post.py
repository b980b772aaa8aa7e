"""Messages to people: by mail server, or printed to the log where none is set."""

from __future__ import annotations

import logging
import smtplib
from email.message import EmailMessage

from lungwise.settings import Settings

_log = logging.getLogger("lungwise.post")


class Post:
    """Sends short text messages."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def send(self, to: str, subject: str, body: str) -> None:
        """Send one message; a mail server that fails is logged, and never a reason to fail a request."""
        if not self._settings.smtp_host:
            _log.warning("No mail server is set, so this message is printed here.\nTo: %s\n%s\n\n%s", to, subject, body)
            return
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self._settings.smtp_sender, to, subject
        message.set_content(body)
        try:
            self._hand_over(message)
        except (OSError, smtplib.SMTPException) as error:
            _log.error("The mail server did not take a message (%s). Check the smtp settings.", error)

    def _hand_over(self, message: EmailMessage) -> None:
        with smtplib.SMTP(self._settings.smtp_host, self._settings.smtp_port, timeout=10) as server:
            if self._settings.smtp_tls:
                server.starttls()
            if self._settings.smtp_user:
                server.login(self._settings.smtp_user, self._settings.smtp_password.get_secret_value())
            server.send_message(message)
