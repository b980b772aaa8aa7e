"""What is done with a message of each kind."""

from __future__ import annotations

from collections.abc import Callable
from datetime import tzinfo
from typing import Final

from lungwise.access import Person
from lungwise.hl7.inbox import Outcome
from lungwise.hl7.message import Message, MessageError
from lungwise.hl7.order_updates import OrderUpdates
from lungwise.hl7.patient_updates import PatientUpdates
from lungwise.hl7.stated_order import orders_of
from lungwise.hl7.stated_patient import merged_of, patient_of
from lungwise.patients.identity import IdentityRules

_UPDATES: Final = ("A01", "A04", "A05", "A08", "A28", "A31")
_MERGES: Final = ("A34", "A40")
_ORDERS: Final = (("ORM", "O01"), ("OMI", "O23"), ("OMG", "O19"))
_OF_VISITS: Final = tuple(
    f"A{number:02}"
    for number in (*range(2, 4), *range(6, 8), *range(9, 18), *range(19, 24), *range(25, 28), 32, 33, 38)
)
"""Where a patient is and who treats them: none of it concerns a film."""


class UnusedError(Exception):
    """Messages of this kind are never used; the sentence says which are."""


class Dispatch:
    """Does what messages say, by their type and event."""

    def __init__(
        self,
        rules: IdentityRules,
        updates: PatientUpdates,
        order_updates: OrderUpdates,
        zone_of: Callable[[int], tzinfo],
    ) -> None:
        self._rules = rules
        self._updates = updates
        self._order_updates = order_updates
        self._zone_of = zone_of

    def apply(self, person: Person, message: Message) -> Outcome:
        """Do what a message says.

        Raises
        ------
        Rejected, MessageError
            If it cannot be done.
        """
        if (message.header.code, message.header.event) in _ORDERS:
            return self._ordered(person, message)
        if message.header.code != "ADT":
            raise UnusedError(f"{message.header.code} {message.header.event} is not used here.")
        return self._adt(person, message)

    def patient(self, message: Message) -> str:
        """Return the number of the patient whom a message is about; '' where it names none."""
        try:
            return patient_of(message.first("PID"), self._rules).facts.identifier
        except MessageError:
            return ""

    def _adt(self, person: Person, message: Message) -> Outcome:
        event = message.header.event
        if event in _OF_VISITS:
            return Outcome.NOT_USED
        if event in _UPDATES:
            return _outcome(self._updates.update(person, patient_of(message.first("PID"), self._rules)))
        if event in _MERGES:
            return self._merge(person, message)
        raise MessageError(f"ADT {event} cannot be applied. Make the same change here, on the patient's page.")

    def _ordered(self, person: Person, message: Message) -> Outcome:
        stated = patient_of(message.first("PID"), self._rules)
        orders = orders_of(message, self._zone_of(person.clinic_id))
        count = self._order_updates.apply(person, stated, orders)
        if not count and all(one.is_other_modality for one in orders):
            return Outcome.NOT_USED
        return _outcome(count > 0)

    def _merge(self, person: Person, message: Message) -> Outcome:
        """Merge the record that the MRG segment names into the patient of the PID segment."""
        if [one.name for one in message.segments if one.name in ("PID", "MRG")] != ["PID", "MRG"]:
            raise MessageError("A merge of several patients in one message cannot be applied. Send one at a time.")
        kept = patient_of(message.first("PID"), self._rules)
        gone = merged_of(message.first("MRG"), self._rules)
        is_here = self._updates.merge(person, kept, gone)
        return _outcome(is_here and self._updates.update(person, kept))


def _outcome(is_here: bool) -> Outcome:
    return Outcome.DONE if is_here else Outcome.NOT_HERE
