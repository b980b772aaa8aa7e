"""Archives: where results go by C-STORE, and what becomes of each object there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian
from pynetdicom import build_context
from pynetdicom.association import Association
from pynetdicom.presentation import PresentationContext
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind  # type: ignore[attr-defined]
from sqlalchemy.orm import Session

from lungwise.clinics.destinations import ClinicDestinations
from lungwise.dicom.outgoing import Destination, Outgoing
from lungwise.dicom.queries import PeerError, find
from lungwise.results.result import kind_of_result
from lungwise.results.simpler_reports import as_simpler_report, simpler_classes
from lungwise.settings import Settings
from lungwise.studies.commitment_models import Reference

_FIND = StudyRootQueryRetrieveInformationModelFind
_DUPLICATE = 0x0111
"""The archive has an object of this UID: what it acknowledged before a crash here is told so when it comes again."""
_MOST_SHOWN = 10
"""Objects under one UID that are looked at of what an archive shows."""
_SHOWN = ("SOPClassUID", "StudyInstanceUID", "SeriesInstanceUID", "PatientID", "ContentDate", "ContentTime")
"""What an archive may say of an object that it is asked for; the time is that of the reading."""


@dataclass(slots=True)
class Delivery:
    """What an archive acknowledged, why it did not acknowledge all, and whether it could not be spoken to at all.

    `stored` are the objects that it has, by their own SOP Instance UIDs, each as it was sent.
    """

    accepted: list[str] = field(default_factory=list)
    error: str = ""
    away: bool = False
    stored: dict[str, Reference] = field(default_factory=dict)


class Archives:
    """Sends objects in the name of this installation's AE title."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._outgoing = Outgoing(settings)

    @property
    def title(self) -> str:
        """The name that archives know this installation by."""
        return self._outgoing.title

    @property
    def destinations(self) -> list[str]:
        """The archives that results are sent to."""
        return self.settings.all_send_to

    def of_clinic(self, session: Session, clinic_id: int) -> list[str]:
        """Return the archives that a clinic's results are sent to."""
        return ClinicDestinations(session, self.settings).archives(clinic_id)

    @property
    def confirmation_time(self) -> timedelta:
        """How long an archive has to confirm what it keeps, before it is asked again."""
        return timedelta(minutes=self.settings.send_commitment_minutes)

    def confirms(self, destination: str) -> bool:
        """Return whether an archive is set to confirm what it keeps."""
        return Destination.parse(destination).title in self.settings.send_commitment_list

    def wanted(self, destination: Destination, objects: Sequence[Dataset]) -> list[Dataset]:
        """Return those objects that an archive is set to get."""
        kinds = self.settings.objects_for(destination.title)
        return [item for item in objects if kind_of_result(item) in kinds]

    def deliver(
        self,
        destination: Destination,
        objects: Sequence[Dataset],
        may_send: Callable[[], bool],
        acknowledged: Callable[[str], None],
    ) -> Delivery:
        """Send objects over one association; each acknowledgement is passed on before the next object goes.

        Before each object `may_send` says whether it may still go: they may have been cancelled, or be sent by another
        process.
        """
        association = self._outgoing.associate(destination, list(_contexts(objects)))
        if not association.is_established:
            only_extras = association.rejected_contexts and not self._taken(association, destination.title, objects)
            return Delivery() if only_extras else self._failed(association, destination)
        try:
            taken = self._taken(association, destination.title, objects)
            return _send_each(association, destination.title, taken, may_send, acknowledged)
        finally:
            association.release()

    def _taken(self, association: Association, title: str, objects: Sequence[Dataset]) -> list[Dataset]:
        """Leave out outlines that an archive does not take, unless it is set to get them: the report has them too."""
        if self.settings.names_objects_of(title):
            return list(objects)
        return [item for item in objects if item.Modality != "PR" or _as_accepted(association, item)]

    def _failed(self, association: Association, destination: Destination) -> Delivery:
        """Say why there is no association."""
        title = destination.title
        if association.is_rejected:
            return Delivery(error=f"{title} rejects this association", away=True)
        if association.rejected_contexts:
            refused = (one.abstract_syntax for one in association.rejected_contexts if one.abstract_syntax != _FIND)
            kinds = dict.fromkeys(kind.name for kind in refused if kind is not None)
            return Delivery(error=f"{title} takes no {', no '.join(kinds)}")
        return Delivery(error=self._outgoing.why_away(destination), away=True)


def _contexts(objects: Sequence[Dataset]) -> Iterator[PresentationContext]:
    """Propose each class as it is written, and in the syntax that every archive must know (PS3.5, 10.1)."""
    kinds = {
        (kind, syntax): None
        for item in objects
        for kind in (item.SOPClassUID, *simpler_classes(item.SOPClassUID))
        for syntax in (item.file_meta.TransferSyntaxUID, ImplicitVRLittleEndian)
    }
    yield from (build_context(kind, syntax) for kind, syntax in kinds)
    yield build_context(_FIND)


def _send_each(
    association: Association,
    title: str,
    objects: Sequence[Dataset],
    may_send: Callable[[], bool],
    acknowledged: Callable[[str], None],
) -> Delivery:
    delivery = Delivery()
    for item in objects:
        if not may_send():
            delivery.error = "they were cancelled, or another process sends them"
            break
        if error := _send_one(association, title, item):
            delivery.error = error
        else:
            acknowledged(str(item.SOPInstanceUID))
            delivery.accepted.append(str(item.SOPInstanceUID))
            delivery.stored[str(item.SOPInstanceUID)] = _as_stored(association, item)
    return delivery


def _as_stored(association: Association, item: Dataset) -> Reference:
    sent = _as_accepted(association, item) or item
    return Reference(str(sent.SOPClassUID), str(sent.SOPInstanceUID))


def _send_one(association: Association, title: str, item: Dataset) -> str:
    """Send one object, and return why the archive does not have it; nothing where it does."""
    sent = _as_accepted(association, item)
    kind = item.SOPClassUID.name
    if sent is None:
        return f"{title} takes no {kind}: it refuses {_refusals(association, item)}"
    try:
        status = association.send_c_store(sent).get("Status")
    except (RuntimeError, ValueError) as error:  # the association is gone
        return f"{title} takes no {kind} ({type(error).__name__})"
    if _is_kept(status) or (status == _DUPLICATE and _has(association, sent)):
        return ""
    if status == _DUPLICATE:
        return f"{title} has another {kind} under this UID, or does not show which: look for it there"
    answer = "does not answer" if status is None else f"answers {status:04X}"
    return f"{title} {answer} to {kind}"


def _as_accepted(association: Association, item: Dataset) -> Dataset | None:
    """Return an object in the richest class that the archive takes; None if it takes none."""
    accepted = {context.abstract_syntax for context in association.accepted_contexts}
    if item.SOPClassUID in accepted:
        return item
    simpler = next((kind for kind in simpler_classes(item.SOPClassUID) if kind in accepted), None)
    return None if simpler is None else as_simpler_report(item, simpler)


def _refusals(association: Association, item: Dataset) -> str:
    refused = (one for one in association.rejected_contexts if one.abstract_syntax == item.SOPClassUID)
    reasons = dict.fromkeys(one.status.lower() for one in refused)
    return f"the presentation context ({', '.join(reasons) or 'no reason is given'})"


def _is_kept(status: int | None) -> bool:
    """Return whether an archive has an object, perhaps with a warning."""
    return status is not None and (status == 0 or status & 0xF000 == 0xB000)


def _has(association: Association, item: Dataset) -> bool:
    """Ask an archive whether the object that it has under a UID is this one."""
    if not any(context.abstract_syntax == _FIND for context in association.accepted_contexts):
        return False
    query = Dataset()
    query.QueryRetrieveLevel = "IMAGE"
    for name in _SHOWN:
        setattr(query, name, "")
    query.StudyInstanceUID, query.SeriesInstanceUID = item.StudyInstanceUID, item.SeriesInstanceUID
    query.SOPInstanceUID = item.SOPInstanceUID
    try:
        found = find(association, query, _FIND, _MOST_SHOWN)
    except (PeerError, RuntimeError, ValueError):  # it does not say, or the association is gone
        return False
    return any(_is_same(one, item) for one in found)


def _is_same(shown: Dataset, item: Dataset) -> bool:
    if shown.get("SOPInstanceUID") != item.SOPInstanceUID:
        return False
    texts = {name: str(shown.get(name) or "") for name in _SHOWN}
    return all(not text or text == str(item.get(name) or "") for name, text in texts.items())
