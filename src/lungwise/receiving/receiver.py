"""The receiver: keeps a film that comes over the network, so that its sender may forget it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from lungwise.access import Person
from lungwise.receiving.film_files import FilmFiles
from lungwise.receiving.instances import InstanceRecording
from lungwise.receiving.receive import Receive
from lungwise.receiving.recording import Recording
from lungwise.receiving.uploads import ReceivedInstance, Uids, Upload
from lungwise.store import new_key
from lungwise.studies.models import FilmRecord


class Kept(StrEnum):
    """What became of a received object, in the words of the log. Whatever it is, its sender may forget it."""

    NEW = "accepted"
    KNOWN = "known already"
    HELD = "kept aside: its SOP Instance UID is known with other content"
    OBJECT = "kept beside its study"
    OBJECT_LEFT = "acknowledged and not kept, as is set"
    PRIOR = "kept as an earlier film of its patient"
    NOT_ASKED_FOR = "not kept: it is not an earlier film that was asked for"
    OWN_RESULT = "Lungwise's own result, which is not kept"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of a received object, and the UIDs that it has here, where a film may have others than its own."""

    kept: Kept
    uids: Uids


class FilmReceiver:
    """Accepts films in the name of a node. Safe in many threads and processes at once."""

    def __init__(self, receive: Receive, node: Person) -> None:
        self._receive = receive
        self._node = node

    def accept(self, instance: ReceivedInstance, address: str) -> Kept:
        """Do as `keep`, for who need not know the object's UIDs here."""
        return self.keep(instance, address).kept

    def keep(self, instance: ReceivedInstance, address: str) -> Receipt:
        """Keep a film, its study and its job. When this returns, the film survives a power cut.

        Raises
        ------
        Rejected
            If its study has its most films already, or the account that sends it has sent its most today.
        Unavailable, SQLAlchemyError
            If store or database cannot keep it now.
        """
        receive = self._receive.at(address)
        receive.begin()
        receipt = receive.run(lambda files: self._attempt(receive, files, instance))
        if receipt.kept is Kept.NEW:
            receive.wake()
        return receipt

    def _attempt(self, receive: Receive, files: FilmFiles, instance: ReceivedInstance) -> Receipt:
        film, uids, chosen = instance.film, instance.film.uids, None
        with receive.reading() as recording:
            if (left := self._left(recording, film)) is not None:
                return Receipt(kept=left, uids=uids)
            known, difference = (None, None) if film.is_object else recording.duplicates.compare(self._node, film)
            if known is not None and difference is None:
                uids = _uids_of(known)
            if known is None and not film.is_object:
                recording.quota.check(self._node, [film])
                chosen = InstanceRecording(recording).choose_study(self._node, instance)
        if film.is_object:
            return Receipt(kept=self._keep_object(receive, files, instance), uids=uids)
        if known is not None and difference is None:
            receive.put_back(files, self._node, [film])
            return Receipt(kept=Kept.KNOWN, uids=uids)
        if known is not None:
            receive.hold(files, self._node, film, instance.sender)
            return Receipt(kept=Kept.HELD, uids=uids)

        key = chosen or new_key()

        def record(recording: Recording, stored: dict[str, Upload]) -> None:
            nonlocal uids
            name = next(iter(stored))
            uids = _uids_of(InstanceRecording(recording).record(self._node, key, name, instance, is_new=chosen is None))
            recording.quota.count(self._node, [film])

        receive.record(files, key, [film], record)
        return Receipt(kept=Kept.NEW, uids=uids)

    def _left(self, recording: Recording, item: Upload) -> Kept | None:
        """Return why an object is acknowledged and not kept; None of one that is kept."""
        if recording.is_own_result(self._node, item):
            return Kept.OWN_RESULT
        return Kept.OBJECT_LEFT if item.is_object and not recording.limits.keeps_objects else None

    def _keep_object(self, receive: Receive, files: FilmFiles, instance: ReceivedInstance) -> Kept:
        """Keep an object beside its study; if its UID was another one's before, it is not given back."""
        item = instance.film
        is_new = receive.keep_object(files, self._node, item, instance.sender)
        with receive.reading() as recording:
            if recording.objects.is_aside(self._node, item):
                return Kept.HELD
        return Kept.OBJECT if is_new else Kept.KNOWN


def _uids_of(film: FilmRecord) -> Uids:
    return Uids(study=film.study_uid, series=film.series_uid, instance=film.instance_uid)
