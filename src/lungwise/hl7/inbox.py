"""The messages that came: each is done once, and what cannot be done waits for an administrator."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import Select, delete, func, select
from sqlalchemy.orm import Session

from lungwise.access import Person, Right
from lungwise.audit.actions import Action, Subject
from lungwise.audit.closed_clinics import CLOSED
from lungwise.audit.service import AuditTrail
from lungwise.errors import ClinicClosed, NotFound, Rejected
from lungwise.films.refusals import N_
from lungwise.hl7.message import Message, MessageError, message_of
from lungwise.hl7.models import MessageState, ReceivedMessage
from lungwise.store import Clock, keys_of, new_key

KEPT: Final = timedelta(days=30)
"""How long it is known that a message was done: nobody sends one again later."""
_MOST_LISTED = 200
_LATER: Final = N_("A later message about this patient was applied. Drop this one.")


class Outcome(StrEnum):
    """What became of a message, in the words of the log."""

    DONE = "applied"
    NOT_HERE = "of nobody and nothing here"
    NOT_USED = "of a kind that is not used"
    KNOWN = "known already"


Apply = Callable[[Person, Message], Outcome]
"""Does what a message says, or raises `Rejected` or `MessageError`."""


class Inbox:
    """The messages of a clinic's hospital systems.

    Parameters
    ----------
    apply
        Does what a message says.
    patient
        Returns the number of the patient whom a message is about.
    character_set
        That of messages which name none.
    """

    def __init__(
        self,
        session: Session,
        clock: Clock,
        audit: AuditTrail,
        apply: Apply,
        patient: Callable[[Message], str],
        character_set: str,
    ) -> None:
        self._session = session
        self._clock = clock
        self._audit = audit
        self._apply = apply
        self._patient = patient
        self._character_set = character_set

    def take(self, person: Person, message: Message) -> Outcome:
        """Do what a message says, unless it was done before.

        Raises
        ------
        ClinicClosed
            If the clinic moves to another installation: what is said now, that one must hear.
        Rejected, MessageError
            If it cannot be done, now or before.
        IntegrityError
            If the same message is being done at this moment.
        """
        if self._audit.is_closed(person):
            raise ClinicClosed(CLOSED)
        known = self._known(person, message)
        if known is not None and known.state == MessageState.FAILED:
            raise Rejected(known.error)
        if known is not None:
            return Outcome.KNOWN
        outcome = self._apply(person, message)
        if outcome is Outcome.DONE:
            self._add(person, message, MessageState.DONE)
        return outcome

    def set_aside(self, person: Person, message: Message, error: str) -> bool:
        """Keep a message that cannot be done for an administrator; return False where it is kept already."""
        if self._known(person, message) is not None:
            return False
        row = self._add(person, message, MessageState.FAILED)
        row.error, row.text = error[:300], message.text
        self._session.flush()
        self._audit.record(person, Action.KEPT_ASIDE, Subject.MESSAGE, row.key)
        return True

    def forget(self) -> None:
        """Delete what is known of messages that were done or dropped long ago."""
        old = (ReceivedMessage.created_at < self._clock() - KEPT, ReceivedMessage.state != MessageState.FAILED)
        self._session.execute(delete(ReceivedMessage).where(*old))

    def count(self, person: Person) -> int:
        """Count the messages that wait for an administrator."""
        waits = (ReceivedMessage.clinic_id == person.clinic_id, ReceivedMessage.state == MessageState.FAILED)
        return self._session.scalar(select(func.count()).select_from(ReceivedMessage).where(*waits)) or 0

    def waiting(self, person: Person) -> list[ReceivedMessage]:
        """List the messages that wait for an administrator, the oldest first."""
        person.need(Right.ADMINISTER)
        waits = (ReceivedMessage.clinic_id == person.clinic_id, ReceivedMessage.state == MessageState.FAILED)
        query = select(ReceivedMessage).where(*waits).order_by(ReceivedMessage.id).limit(_MOST_LISTED)
        return list(self._session.scalars(query))

    def get(self, person: Person, key: str) -> ReceivedMessage:
        """Find a message that waits for an administrator."""
        return self._find(person, key)

    def message(self, row: ReceivedMessage) -> Message:
        """Read a message that waits for an administrator.

        Raises
        ------
        MessageError
            If it cannot be read.
        """
        return message_of(row.text, self._character_set)

    def again(self, person: Person, key: str) -> None:
        """Do what a message says that could not be done before.

        Raises
        ------
        Rejected
            If it still cannot be done, or a later message about the same patient was.
        """
        row = self._find(person, key, locks=True)
        if row.patient_index and self._session.scalar(self._later(row)):
            raise Rejected(_LATER)
        try:
            self._apply(person, self.message(row))
        except MessageError as error:
            raise Rejected(str(error)) from error
        self._settle(person, row, MessageState.DONE, Action.TRIED_AGAIN)

    def drop(self, person: Person, key: str) -> None:
        """Give a message up; who sends it again is told that it was taken."""
        self._settle(person, self._find(person, key, locks=True), MessageState.DROPPED, Action.DISCARDED)

    def _settle(self, person: Person, row: ReceivedMessage, state: MessageState, action: Action) -> None:
        row.state, row.error, row.text_encrypted = state, "", None
        self._session.flush()
        self._audit.record(person, action, Subject.MESSAGE, row.key)

    def _find(self, person: Person, key: str, *, locks: bool = False) -> ReceivedMessage:
        person.need(Right.ADMINISTER)
        query = select(ReceivedMessage).where(
            ReceivedMessage.key == key,
            ReceivedMessage.clinic_id == person.clinic_id,
            ReceivedMessage.state == MessageState.FAILED,
        )
        found = self._session.scalar(query.with_for_update() if locks else query)
        if found is None:
            raise NotFound
        return found

    def _later(self, row: ReceivedMessage) -> Select[int]:
        later = (ReceivedMessage.id > row.id, ReceivedMessage.clinic_id == row.clinic_id)
        same = (ReceivedMessage.patient_index == row.patient_index, ReceivedMessage.state == MessageState.DONE)
        return select(ReceivedMessage.id).where(*later, *same).limit(1)

    def _known(self, person: Person, message: Message) -> ReceivedMessage | None:
        digests = keys_of(self._session).indexes(*_digest(person, message))
        same = (ReceivedMessage.clinic_id == person.clinic_id, ReceivedMessage.digest.in_(digests))
        return self._session.scalar(select(ReceivedMessage).where(*same))

    def _add(self, person: Person, message: Message, state: MessageState) -> ReceivedMessage:
        keys = keys_of(self._session)
        patient = self._patient(message)
        row = ReceivedMessage(
            key=new_key(),
            clinic_id=person.clinic_id,
            sender=person.name,
            type=message.header.type[:40],
            digest=keys.index(*_digest(person, message)),
            patient_index=keys.index(f"hl7_messages.patient {person.clinic_id}", patient) if patient else "",
            state=state,
            error="",
            created_at=self._clock(),
        )
        self._session.add(row)
        self._session.flush()
        return row


def _digest(person: Person, message: Message) -> tuple[str, str]:
    """Return the context and the text of what tells a message from others.

    It is its sender and all that it says: senders that count from one again after a restart are not misunderstood.
    """
    return f"hl7_messages.digest {person.clinic_id}", f"{person.name}\0{message.content}"


def count_failed(session: Session) -> int:
    """Count the messages of all clinics that wait for an administrator."""
    failed = ReceivedMessage.state == MessageState.FAILED
    return session.scalar(select(func.count()).select_from(ReceivedMessage).where(failed)) or 0
