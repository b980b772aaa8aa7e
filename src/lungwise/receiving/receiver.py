"""The receiver: keeps a film that comes over the network, so that its sender may forget it."""

from __future__ import annotations

from enum import StrEnum

from lungwise.access import Person
from lungwise.receiving.film_files import FilmFiles
from lungwise.receiving.instances import InstanceRecording
from lungwise.receiving.receive import Receive
from lungwise.receiving.recording import Recording
from lungwise.receiving.uploads import ReceivedInstance, Upload
from lungwise.store import new_key


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


class FilmReceiver:
    """Accepts films in the name of a node. Safe in many threads and processes at once."""

    def __init__(self, receive: Receive, node: Person) -> None:
        self._receive = receive
        self._node = node

    def accept(self, instance: ReceivedInstance, address: str) -> Kept:
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
        kept = receive.run(lambda files: self._attempt(receive, files, instance))
        if kept is Kept.NEW:
            receive.wake()
        return kept

    def _attempt(self, receive: Receive, files: FilmFiles, instance: ReceivedInstance) -> Kept:
        film, chosen = instance.film, None
        with receive.reading() as recording:
            if recording.is_own_result(self._node, film):
                return Kept.OWN_RESULT
            if film.is_object and not recording.limits.keeps_objects:
                return Kept.OBJECT_LEFT
            known, difference = (None, None) if film.is_object else recording.duplicates.compare(self._node, film)
            if known is None and not film.is_object:
                recording.quota.check(self._node, [film])
                chosen = InstanceRecording(recording).choose_study(self._node, instance)
        if film.is_object:
            return self._keep_object(receive, files, instance)
        if known is not None and difference is None:
            receive.put_back(files, self._node, [film])
            return Kept.KNOWN
        if known is not None:
            receive.hold(files, self._node, film, instance.sender)
            return Kept.HELD

        key = chosen or new_key()

        def record(recording: Recording, stored: dict[str, Upload]) -> None:
            name = next(iter(stored))
            InstanceRecording(recording).record(self._node, key, name, instance, is_new=chosen is None)
            recording.quota.count(self._node, [film])

        receive.record(files, key, [film], record)
        return Kept.NEW

    def _keep_object(self, receive: Receive, files: FilmFiles, instance: ReceivedInstance) -> Kept:
        """Keep an object beside its study; if its UID was another one's before, it is not given back."""
        item = instance.film
        is_new = receive.keep_object(files, self._node, item, instance.sender)
        with receive.reading() as recording:
            if recording.objects.is_aside(self._node, item):
                return Kept.HELD
        return Kept.OBJECT if is_new else Kept.KNOWN
