"""The audit trail: entries are only ever added, each signed with the one before."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from lungwise.access import Person, Right
from lungwise.audit.actions import Action, Subject
from lungwise.audit.chain import START, ChainKeys, End, entry_hash
from lungwise.audit.closed_clinics import is_closed, require_open
from lungwise.audit.mark import Mark, begin_generation, is_current, mark_after_commit, read_mark
from lungwise.audit.models import AuditEntry, AuditHead
from lungwise.store import Clock, keys_of

__all__ = ["PAGE", "AuditEntry", "AuditFilter", "AuditTrail", "Break", "TrailAccount"]

PAGE = 50
SEEN_FOR = timedelta(hours=1)
"""For how long an entry of what was seen stands for its pictures, and for what is shown again and again."""


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries of the trail to show. Days are those of a zone.

    `person` is a name, and `account` the id of an account, whatever name it had.
    """

    person: str = ""
    account: int | None = None
    action: str = ""
    subject_key: str = ""
    since: date | None = None
    until: date | None = None
    zone: tzinfo = UTC


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailAccount:
    """An account of a clinic, shown beside the name that its owner acted under, which may change.

    One that is deleted has neither address nor name.
    """

    id: int
    key: str
    email: str
    name: str

    @property
    def address(self) -> str:
        """What the trail's page shows of it."""
        return self.email or self.key

    @property
    def label(self) -> str:
        """What the filter calls it."""
        return f"{self.address} · {self.name}" if self.name else self.address


@dataclass(frozen=True, slots=True)
class Break:
    """Where the chain does not hold, and why."""

    entry: int
    reason: str


class AuditTrail:
    """The trail, as seen from one network address."""

    def __init__(self, session: Session, clock: Clock, address: str = "") -> None:
        self._session = session
        self._clock = clock
        self._address = address

    def record(self, person: Person, action: Action, subject: Subject, key: str, times: int | None = None) -> None:
        """Add an entry; it becomes true with the session's transaction.

        Parameters
        ----------
        times
            How often it was done, where one entry stands for many actions.

        Raises
        ------
        ClinicClosed
            If the clinic is closed for writing, and the action writes.
        """
        head, keys = self.locked_head(), ChainKeys(self._session)
        require_open(self._session, person.clinic_id, action, subject)
        sound = self.is_sound(head, keys)
        entry = AuditEntry(
            id=head.entries + 1,
            at=self._clock(),
            clinic_id=person.clinic_id or None,
            person_id=person.id,
            person_name=person.name,
            address=self._address,
            action=action,
            subject=subject,
            subject_key=key,
            times=times,
            hash="",
        )
        secret = keys.secret(head.key)
        entry.hash = entry_hash(secret, head.hash, entry)
        head.entries, head.hash = entry.id, entry.hash
        head.signature = End.of(head).signature(secret) if sound else ""
        self._session.add(entry)
        self._session.flush()
        mark_after_commit(self._session, head)

    def is_closed(self, person: Person) -> bool:
        """Return whether the person's clinic is closed for writing, since it moves."""
        return is_closed(self._session, person.clinic_id)

    def has_seen(self, person: Person, keys: Collection[str]) -> bool:
        """Return whether the trail has it, of this address and not long ago, that a person saw or exported a thing."""
        own = (AuditEntry.clinic_id == person.clinic_id, AuditEntry.subject_key.in_(keys))
        who = (AuditEntry.person_id == person.id, AuditEntry.person_name == person.name)
        seen = (AuditEntry.action.in_([Action.SAW, Action.EXPORTED]), AuditEntry.address == self._address)
        lately = AuditEntry.at > self._clock() - SEEN_FOR
        return self._session.scalar(select(AuditEntry.id).where(*own, *who, *seen, lately).limit(1)) is not None

    def record_unless_seen(self, person: Person, subject: Subject, key: str, within: Collection[str]) -> None:
        """Record that a person saw a thing, unless the trail has it already, of it or of what it is shown within."""
        self.locked_head()  # of pictures that are asked for at once, one is recorded
        if not self.has_seen(person, [key, *within]):
            self.record(person, Action.SAW, subject, key)

    def record_words(self, person: Person, action: Action, subject: Subject, words: str) -> None:
        """Record what a person searched for, by a keyed hash of the words: the same for the same words, and no more."""
        said = keys_of(self._session).index(f"search in clinic {person.clinic_id}", " ".join(words.casefold().split()))
        self.record(person, action, subject, said)

    def page(self, person: Person, filters: AuditFilter, before: int | None = None) -> list[AuditEntry]:
        """List a page of the clinic's entries, the newest first."""
        query = self._filtered(person, filters)
        if before is not None:
            query = query.where(AuditEntry.id < before)
        return list(self._session.scalars(query.limit(PAGE)))

    def of_account(self, clinic_id: int, key: str, actions: Iterable[Action]) -> list[AuditEntry]:
        """List the last ten entries of such actions on one account, the newest first, for its owner."""
        own = select(AuditEntry).where(AuditEntry.clinic_id == clinic_id, AuditEntry.subject_key == key)
        return list(
            self._session.scalars(own.where(AuditEntry.action.in_(actions)).order_by(AuditEntry.id.desc()).limit(10))
        )

    def has(self, clinic_id: int, action: Action, key: str) -> bool:
        """Return whether an action on something of a clinic was recorded from this address."""
        found = (AuditEntry.clinic_id == clinic_id, AuditEntry.subject_key == key, AuditEntry.action == action)
        query = select(AuditEntry.id).where(*found, AuditEntry.address == self._address).limit(1)
        return self._session.scalar(query) is not None

    def last(self, clinic_id: int, key: str, actions: Iterable[Action]) -> AuditEntry | None:
        """Return the last entry of such actions on one thing of a clinic."""
        own = select(AuditEntry).where(AuditEntry.clinic_id == clinic_id, AuditEntry.subject_key == key)
        return self._session.scalar(own.where(AuditEntry.action.in_(actions)).order_by(AuditEntry.id.desc()).limit(1))

    def export(self, person: Person, filters: AuditFilter) -> Iterator[AuditEntry]:
        """Walk over all of the clinic's entries that the filter lets through, the newest first."""
        yield from self._session.scalars(self._filtered(person, filters).execution_options(yield_per=500))

    def verify(self) -> Break | None:
        """Walk the whole chain and name its first break, if it has one."""
        mark, keys = read_mark(self._session), ChainKeys(self._session)
        secrets, previous, number = keys.oldest_first(), START, 0
        for entry in self._session.scalars(select(AuditEntry).order_by(AuditEntry.id).execution_options(yield_per=500)):
            number += 1
            if entry.id != number:
                return Break(number, "the entry is missing")
            while secrets and entry.hash != entry_hash(secrets[0], previous, entry):
                secrets.pop(0)  # a key is never used again once the next one was
            if not secrets:
                return Break(number, "the entry is not what was written")
            previous = entry.hash
        return self._verify_end(number, previous) or self._verify_mark(mark)

    def advance_key(self) -> None:
        """Sign with the installation's first key from now on, and keep the secret of the one before."""
        head, keys = self.locked_head(), ChainKeys(self._session)
        if head.key == keys.first:
            return
        sound = self.is_sound(head, keys)
        keys.keep(head.key)
        head.key = keys.first
        head.signature = End.of(head).signature(keys.secret(head.key)) if sound else ""
        self._session.flush()
        mark_after_commit(self._session, head)

    def accept_end(self, person: Person, earlier: str) -> None:
        """Accept the trail's end as what every machine has seen, and record why: an earlier database was put in place.

        Parameters
        ----------
        earlier
            Which one.
        """
        begin_generation(self._session, self._clock())
        self.record(person, Action.WENT_BACK, Subject.AUDIT_TRAIL, earlier)

    def is_marked(self) -> bool:
        """Return whether this machine holds a mark of the trail's end that says anything of it still."""
        mark = read_mark(self._session)
        return mark is not None and is_current(self._session, mark)

    def head(self) -> tuple[int, str]:
        """Return the number of entries and the last hash, to be noted outside this machine."""
        head = self._session.get(AuditHead, 1)
        return (head.entries, head.hash) if head else (0, START)

    def locked_head(self) -> AuditHead:
        """Return the head, which no other transaction changes until this one ends."""
        head = self._session.get(AuditHead, 1, with_for_update=True, populate_existing=True)
        if head is None:
            head = self._new_head(ChainKeys(self._session))
            self._session.add(head)
        return head

    def _new_head(self, keys: ChainKeys) -> AuditHead:
        """Begin the chain. Where there are entries already, somebody took its end away: it goes on unsigned."""
        last = self._session.scalar(select(AuditEntry).order_by(AuditEntry.id.desc()).limit(1))
        entries, hash_ = (last.id, last.hash) if last else (0, START)
        head = AuditHead(id=1, entries=entries, hash=hash_, key=keys.first, broken_at=None, signature="")
        head.signature = "" if last else End.of(head).signature(keys.secret(head.key))
        return head

    def is_sound(self, head: AuditHead, keys: ChainKeys) -> bool:
        """Return whether the trail ends as it was written, and no earlier than this machine has seen."""
        mark = read_mark(self._session)
        is_ahead = mark is not None and mark.end.entries > head.entries and keys.signed(mark.end, mark.signature)
        cut = mark is not None and is_ahead and is_current(self._session, mark)
        return not cut and keys.signed(End.of(head), head.signature)

    def _verify_end(self, entries: int, last: str) -> Break | None:
        head, keys = self._session.get(AuditHead, 1), ChainKeys(self._session)
        if head is None:
            return Break(entries, "the chain has no end") if entries else None
        if entries != head.entries:
            return Break(entries + 1, "entries are missing at the end")
        if last != head.hash or not keys.signed(End.of(head), head.signature):
            return Break(entries, "the chain's end is not what was written")
        if head.broken_at is not None:
            return Break(head.broken_at, "it was not what was written when an upgrade gave the chain its key")
        return None

    def _verify_mark(self, mark: Mark | None) -> Break | None:
        if mark is None or not is_current(self._session, mark):
            return None
        entries = mark.end.entries
        last = self._session.scalar(select(AuditEntry.hash).where(AuditEntry.id == entries)) if entries else START
        if last is None:
            return Break(self.head()[0] + 1, f"this machine has seen {entries} entries")
        return None if last == mark.end.hash else Break(entries, "the entry is not what this machine has seen")

    def _filtered(self, person: Person, filters: AuditFilter) -> Select[AuditEntry]:
        person.need(Right.ADMINISTER)
        query = select(AuditEntry).where(AuditEntry.clinic_id == person.clinic_id).order_by(AuditEntry.id.desc())
        if filters.person:
            query = query.where(AuditEntry.person_name == filters.person)
        if filters.account is not None:
            query = query.where(AuditEntry.person_id == filters.account)
        if filters.action:
            query = query.where(AuditEntry.action == filters.action)
        if filters.subject_key:
            query = query.where(AuditEntry.subject_key == filters.subject_key)
        if filters.since:
            query = query.where(AuditEntry.at >= datetime.combine(filters.since, time.min, filters.zone))
        if filters.until:
            query = query.where(AuditEntry.at <= datetime.combine(filters.until, time.max, filters.zone))
        return query
