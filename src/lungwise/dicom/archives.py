"""Archives: where results go by C-STORE, and what becomes of each object there."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian
from pynetdicom import AE, build_context
from pynetdicom.association import Association
from pynetdicom.presentation import PresentationContext
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind  # type: ignore[attr-defined]

from lungwise.results.result import IMPLEMENTATION_NAME, IMPLEMENTATION_UID, kind_of_result
from lungwise.results.simpler_reports import as_simpler_report, simpler_classes
from lungwise.settings import Settings

_FIND = StudyRootQueryRetrieveInformationModelFind
_ANSWER_SECONDS = 30
"""How long an archive has for each answer."""
_PROBE_SECONDS = 5
"""How long an archive has to show why it cannot be reached."""
_DUPLICATE = 0x0111
"""The archive has an object of this UID: what it acknowledged before a crash here is told so when it comes again."""
_SHOWN = ("SOPClassUID", "StudyInstanceUID", "SeriesInstanceUID", "PatientID", "ContentDate", "ContentTime")
"""What an archive may say of an object that it is asked for; the time is that of the reading."""


@dataclass(frozen=True, slots=True)
class Destination:
    """An archive's address, written AE@host:port."""

    title: str
    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Destination:
        """Read AE@host:port."""
        found = re.fullmatch(r"(.+)@(.+):(\d+)", text)
        if found is None:
            raise ValueError(f"{text} is not a destination. Write it as AE@host:port.")
        return cls(found[1], found[2], int(found[3]))


@dataclass(slots=True)
class Delivery:
    """What an archive acknowledged, why it did not acknowledge all, and whether it could not be spoken to at all."""

    accepted: list[str] = field(default_factory=list)
    error: str = ""
    away: bool = False


class Archives:
    """Sends objects in the name of this installation's AE title."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @property
    def title(self) -> str:
        """The name that archives know this installation by."""
        return self._settings.node_ae_title

    @property
    def destinations(self) -> list[str]:
        """The archives that results are sent to."""
        return self._settings.send_to_list

    def wanted(self, destination: Destination, objects: Sequence[Dataset]) -> list[Dataset]:
        """Return those objects that an archive is set to get."""
        kinds = self._settings.objects_for(destination.title)
        return [item for item in objects if kind_of_result(item) in kinds]

    def deliver(
        self, destination: Destination, objects: Sequence[Dataset], acknowledged: Callable[[str], None]
    ) -> Delivery:
        """Send objects over one association; each acknowledgement is passed on before the next object goes."""
        entity = AE(self.title)
        entity.implementation_class_uid, entity.implementation_version_name = IMPLEMENTATION_UID, IMPLEMENTATION_NAME
        entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = entity.connection_timeout = (
            _ANSWER_SECONDS
        )
        tls = self._tls(destination)
        association = entity.associate(
            destination.host,
            destination.port,
            contexts=list(_contexts(objects)),
            ae_title=destination.title,
            tls_args=tls,
        )
        if not association.is_established:
            only_extras = association.rejected_contexts and not self._taken(association, destination.title, objects)
            return Delivery() if only_extras else _failed(association, destination, tls)
        try:
            taken = self._taken(association, destination.title, objects)
            return _send_each(association, destination.title, taken, acknowledged)
        finally:
            association.release()

    def _taken(self, association: Association, title: str, objects: Sequence[Dataset]) -> list[Dataset]:
        """Leave out outlines that an archive does not take, unless it is set to get them: the report has them too."""
        if self._settings.names_objects_of(title):
            return list(objects)
        return [item for item in objects if item.Modality != "PR" or _as_accepted(association, item)]

    def _tls(self, destination: Destination) -> tuple[ssl.SSLContext, str] | None:
        if self._settings.send_tls_ca is None:
            return None
        context = ssl.create_default_context(cafile=str(self._settings.send_tls_ca))
        if self._settings.node_tls_certificate is not None:
            context.load_cert_chain(self._settings.node_tls_certificate, self._settings.node_tls_key)
        return context, destination.host


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


def _failed(association: Association, destination: Destination, tls: tuple[ssl.SSLContext, str] | None) -> Delivery:
    """Say why there is no association."""
    title = destination.title
    if association.is_rejected:
        return Delivery(error=f"{title} rejects this association", away=True)
    if association.rejected_contexts:
        refused = (one.abstract_syntax for one in association.rejected_contexts if one.abstract_syntax != _FIND)
        kinds = dict.fromkeys(kind.name for kind in refused if kind is not None)
        return Delivery(error=f"{title} takes no {', no '.join(kinds)}")
    return Delivery(error=_why_away(destination, tls), away=True)


def _why_away(destination: Destination, tls: tuple[ssl.SSLContext, str] | None) -> str:
    """Connect once more to learn why that failed: an association does not tell."""
    title = destination.title
    try:
        with socket.create_connection((destination.host, destination.port), _PROBE_SECONDS) as plain:
            if tls is None:
                return f"{title} ends the connection without an answer: it may want TLS (setting send_tls_ca)"
            with tls[0].wrap_socket(plain, server_hostname=tls[1]) as secure:
                secure.recv(1)  # who does not accept our certificate says so only now
    except ssl.SSLCertVerificationError as error:
        return f"TLS with {title} fails: its certificate is not accepted ({error.verify_message})"
    except ssl.SSLError as error:
        return f"TLS with {title} fails: {(error.reason or 'no reason is given').replace('_', ' ').lower()}"
    except OSError:
        return f"{title} cannot be reached"
    return f"{title} ends the connection over TLS without an answer"


def _send_each(
    association: Association, title: str, objects: Sequence[Dataset], acknowledged: Callable[[str], None]
) -> Delivery:
    delivery = Delivery()
    for item in objects:
        if error := _send_one(association, title, item):
            delivery.error = error
        else:
            acknowledged(str(item.SOPInstanceUID))
            delivery.accepted.append(str(item.SOPInstanceUID))
    return delivery


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
        found = [one for _status, one in association.send_c_find(query, _FIND) if one is not None]
    except (RuntimeError, ValueError):  # the association is gone
        return False
    return any(_is_same(one, item) for one in found)


def _is_same(shown: Dataset, item: Dataset) -> bool:
    if shown.get("SOPInstanceUID") != item.SOPInstanceUID:
        return False
    texts = {name: str(shown.get(name) or "") for name in _SHOWN}
    return all(not text or text == str(item.get(name) or "") for name, text in texts.items())
