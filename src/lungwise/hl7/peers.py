"""The hospital systems whose messages are taken, each as a person of its clinic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lungwise.access import Person, Role
from lungwise.hl7.message import Header

_LONGEST_NAME = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Peers:
    """Who acts for which sending application and facility."""

    clinics: Mapping[tuple[str, str], int]

    def of(self, header: Header) -> Person | None:
        """Return who sends a message; None for an unknown sender."""
        sender = (header.application, header.facility)
        clinic = self.clinics.get(sender)
        return None if clinic is None else Person(None, name_of(header), clinic, Role.HOSPITAL_SYSTEM)


def name_of(header: Header) -> str:
    """Name a sender as the settings do."""
    return f"{header.application}@{header.facility}"[:_LONGEST_NAME]
