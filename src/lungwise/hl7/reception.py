"""What is answered to a message: that it is accepted only once what it says is committed."""

from __future__ import annotations

import logging
from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from lungwise.access import Person
from lungwise.errors import ClinicClosed, Rejected, Unavailable
from lungwise.films.refusals import N_
from lungwise.hl7.acknowledgement import Answer, acknowledgement
from lungwise.hl7.dispatch import UnusedError
from lungwise.hl7.inbox import Inbox, Outcome
from lungwise.hl7.message import Header, Message, MessageError, parse_header, parse_message
from lungwise.hl7.peers import Caller, Peers, name_of
from lungwise.metrics import HL7_MESSAGES
from lungwise.store import Clock, Database, answer_of

_log = logging.getLogger("lungwise.hl7")
_CANNOT_KEEP = (Unavailable, OSError, SQLAlchemyError)
FAULT = N_("A fault in Lungwise kept this message from being applied. Tell whoever maintains it, and try again later.")
_CLOSED = "This clinic moves to another installation. Keep the message, and send it there or here again."
_UNKNOWN_SENDER = (
    "The sending application and facility are not listed in hl7_peers, or not for the certificate or the address that "
    "they come with."
)
"""One sentence for both: nobody learns which systems there are."""
_SENTENCES = {
    Outcome.DONE: "",
    Outcome.NOT_HERE: "Nothing is here of this patient.",
    Outcome.NOT_USED: "Messages of this kind are not used.",
    Outcome.KNOWN: "This message was taken before.",
}


class _RefusedError(Exception):
    """A message is rejected for what it is or who sends it; the sentence says why."""


class Reception:
    """Takes messages from several connections at once.

    Parameters
    ----------
    inbox_over
        Makes the inbox over a session, for a network address.
    character_set
        That of messages which name none.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        peers: Peers,
        inbox_over: Callable[[Session, str], Inbox],
        character_set: str,
    ) -> None:
        self._database = database
        self._clock = clock
        self._peers = peers
        self._inbox_over = inbox_over
        self._character_set = character_set

    def answer(self, data: bytes, caller: Caller) -> bytes:
        """Take a message of who has connected, and return its acknowledgement."""
        try:
            header = parse_header(data)
        except MessageError as error:
            return self._said(Header(), caller, Answer.REJECTED, str(error))
        try:
            message, person = self._admitted(header, data, caller)
        except _RefusedError as error:
            return self._said(header, caller, Answer.REJECTED, str(error))
        return self._taken(person, message, caller)

    def _taken(self, person: Person, message: Message, caller: Caller) -> bytes:
        try:
            outcome = self._database.transact(lambda session: self._inbox(session, caller).take(person, message))
        except UnusedError as error:
            return self._said(message.header, caller, Answer.REJECTED, str(error))
        except ClinicClosed:
            return self._said(message.header, caller, Answer.REJECTED, _CLOSED)
        except (Rejected, MessageError) as error:
            return self._set_aside(person, message, caller, str(error))
        except _CANNOT_KEEP as error:
            return self._unavailable(message.header, caller, error)
        except Exception:  # of the program: the message is kept for the next release
            _log.exception("%s at %s: a message cannot be applied.", person.name, caller)
            return self._set_aside(person, message, caller, FAULT)
        return self._said(message.header, caller, Answer.ACCEPTED, _SENTENCES[outcome], outcome)

    def _admitted(self, header: Header, data: bytes, caller: Caller) -> tuple[Message, Person]:
        """Read a message of a known sender, of which nothing is looked up before."""
        person = self._peers.of(header, caller)
        if person is None:
            raise _RefusedError(_UNKNOWN_SENDER)
        if header.processing != "P":
            raise _RefusedError("Only messages for production (MSH-11 is P) are taken.")
        if not header.version.startswith("2."):
            raise _RefusedError("Only HL7 version 2 is taken (MSH-12).")
        try:
            return parse_message(data, self._character_set), person
        except MessageError as error:
            raise _RefusedError(str(error)) from None

    def _set_aside(self, person: Person, message: Message, caller: Caller, error: str) -> bytes:
        """Keep a message that cannot be applied, and say so."""

        def keep(session: Session) -> bool:
            return self._inbox(session, caller).set_aside(person, message, error)

        try:
            self._database.transact(keep)
        except ClinicClosed:
            return self._said(message.header, caller, Answer.REJECTED, _CLOSED)
        except _CANNOT_KEEP as fault:
            return self._unavailable(message.header, caller, fault)
        return self._said(message.header, caller, Answer.ERROR, error, "kept aside for an administrator")

    def _unavailable(self, header: Header, caller: Caller, error: Exception) -> bytes:
        why = answer_of(error) or type(error).__name__
        _log.error("%s at %s: a message cannot be kept: %s", name_of(header), caller, why, exc_info=error)
        return self._said(header, caller, Answer.REJECTED, "The message cannot be kept now. Send it again.")

    def _said(self, header: Header, caller: Caller, answer: Answer, sentence: str, became: str = "rejected") -> bytes:
        HL7_MESSAGES.labels(answer.value).inc()
        why = f": {sentence[:200]}" if became == "rejected" else ""
        level = logging.INFO if answer is Answer.ACCEPTED else logging.WARNING
        sender = "".join(filter(str.isprintable, name_of(header)))
        _log.log(level, "%s at %s: %s is %s%s", sender, caller, _type(header), became, why)
        return acknowledgement(header, answer, sentence, self._clock())

    def _inbox(self, session: Session, caller: Caller) -> Inbox:
        return self._inbox_over(session, caller.address)


def _type(header: Header) -> str:
    """Name a message's type for the log, whatever its sender writes there."""
    return "".join(filter(str.isprintable, header.type))[:40] or "a message"
