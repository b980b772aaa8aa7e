"""Orders as hospital systems place, change and cancel them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from lungwise.access import Person
from lungwise.errors import Rejected
from lungwise.hl7.message import MessageError
from lungwise.hl7.patient_updates import PatientUpdates
from lungwise.hl7.stated_order import StatedOrder
from lungwise.hl7.stated_patient import StatedPatient
from lungwise.orders.order import OrderWay
from lungwise.orders.service import Order, Orders
from lungwise.patients.service import Patient, PatientFacts, Patients

_PLACE: Final = ("NW", "SN", "CH", "XO", "XX", "RO")
_REPLACE: Final = ("RP", "RU", "RQ")
"""Of orders that are no longer wanted: those with RO take their place (HL7 2.5, chapter 4)."""
_CANCEL: Final = ("CA", "OC", "DC", "OD")
_STATUS: Final = ("SC", "SR", "OK", "NA", "CR", "DR", "XR", "NF", "PA")
"""Asked for or said by others, or the parent of orders that follow, which stays as it is: nothing is to be done."""


class OrderUpdates:
    """Does what messages say of orders."""

    def __init__(self, orders: Orders, patients: Patients, updates: PatientUpdates) -> None:
        self._orders = orders
        self._patients = patients
        self._updates = updates

    def apply(self, person: Person, stated: StatedPatient, orders: Sequence[StatedOrder]) -> int:
        """Do what is said of a patient's orders, all of it or nothing; return how many were for a chest film.

        An order that was for a chest film and is for something else now is cancelled.

        Raises
        ------
        Rejected
            If the patient contradicts what is known here, or an order what was done already.
        MessageError
            If an order control is not known.
        """
        others = [one for one in orders if one.is_other_modality and one.control not in _STATUS]
        chest = [one for one in orders if not one.is_other_modality and one.control not in _STATUS]
        wanted = [one for one in chest if one.control in _PLACE]
        replaced = [one for one in chest if one.control in _REPLACE]
        unwanted = [one for one in chest if one.control in _CANCEL]
        if len(wanted) + len(replaced) + len(unwanted) < len(chest):
            raise MessageError("ORC-1 is not an order control that can be applied: NW, XO and CA can.")
        if wanted:
            self._updates.update(person, stated)
        cancelled = self._replace(person, stated.facts, replaced, wanted)
        if wanted:
            self._place(person, stated, wanted)
        cancelled += sum(self._cancel(person, stated.facts, one) for one in [*unwanted, *others])
        return len(wanted) + cancelled

    def _replace(
        self, person: Person, facts: PatientFacts, replaced: Sequence[StatedOrder], wanted: Sequence[StatedOrder]
    ) -> int:
        """Cancel orders that others take the place of, and return how many; one that keeps its number is changed."""
        by = [one.asked for one in wanted]
        placers = {asked.placer for asked in by}
        found = [self._known(person, facts, one) for one in replaced if one.asked.placer not in placers]
        gone = [order for order in found if order is not None]
        for order in gone:
            self._orders.replace(person, order.key, by)
        return len(gone)

    def _place(self, person: Person, stated: StatedPatient, orders: Sequence[StatedOrder]) -> None:
        """Place or change orders of a patient, who is known here from now on."""
        patient = self._patient(person, stated.facts)
        for one in orders:
            placed = self._orders.place(person, patient, one.asked, OrderWay.HL7)
            if not placed.is_new:
                self._orders.change(person, placed.order.key, one.asked)

    def _patient(self, person: Person, facts: PatientFacts) -> Patient | PatientFacts:
        match = self._patients.match(person, facts)
        return match.patient if match else facts

    def _cancel(self, person: Person, facts: PatientFacts, one: StatedOrder) -> bool:
        """Cancel an order of a patient; one that is not here needs none."""
        order = self._known(person, facts, one)
        if order is None:
            return False
        self._orders.cancel(person, order.key)
        return True

    def _known(self, person: Person, facts: PatientFacts, one: StatedOrder) -> Order | None:
        """Return the order of a patient that is here by its placer's number."""
        order = self._orders.placed_as(person, one.asked.placer) if one.asked.placer else None
        if order is None:
            return None
        match = self._patients.match(person, facts)
        if match is None or match.patient.id != order.patient_id:
            raise Rejected("This order was placed before, for another patient.")
        return order
