"""The mail server: takes one message at a time (RFC 5321)."""

from __future__ import annotations

import smtplib
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import localtime, make_msgid, parseaddr

from lungwise.settings import Settings
from lungwise.tls import client_context

_SECONDS = 10
"""How long the server has for each answer."""


class AddressRefusedError(Exception):
    """The mail server will never take a mail for this address."""


class MailServer:
    """The mail server of the settings.

    Raises
    ------
    OSError
        If the file of the server's authority cannot be read, or holds no certificate.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._tls = client_context(settings.smtp_tls_ca) if settings.smtp_tls else None

    def send(self, to: str, subject: str, text: str) -> None:
        """Hand one message over.

        Raises
        ------
        AddressRefusedError
            If the address can get no mail; trying again is of no use.
        OSError
            If the server is away or refuses for another reason.
        """
        message = self._message(to, subject, text)
        try:
            self._hand_over(message)
        except smtplib.SMTPRecipientsRefused as refused:
            if all(code >= 500 for code, _reason in refused.recipients.values()):
                raise AddressRefusedError from refused
            raise

    def _message(self, to: str, subject: str, text: str) -> EmailMessage:
        message = EmailMessage()
        try:
            message["To"] = Address(addr_spec=to)  # one address, and no line break after it
        except (IndexError, ValueError, MessageError) as error:
            raise AddressRefusedError from error
        message["From"], message["Subject"] = self._settings.smtp_sender, subject
        message["Date"], message["Message-ID"] = localtime(), make_msgid(domain=self._domain)
        message.set_content(text)
        return message

    @property
    def _domain(self) -> str:
        """The sender's domain: an identifier tells nothing of this machine."""
        return parseaddr(self._settings.smtp_sender)[1].rpartition("@")[2] or "localhost"

    def _hand_over(self, message: EmailMessage) -> None:
        with smtplib.SMTP(self._settings.smtp_host, self._settings.smtp_port, timeout=_SECONDS) as server:
            if self._tls:
                server.starttls(context=self._tls)
            if self._settings.smtp_user:
                server.login(self._settings.smtp_user, self._settings.smtp_password.get_secret_value())
            server.send_message(message)
