"""Where the results of each clinic go."""

from __future__ import annotations

from collections.abc import Callable, Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from lungwise.clinics.models import Clinic
from lungwise.settings import Settings

DestinationsOf = Callable[[int], Collection[str]]
"""Gives where the results of a clinic go."""


def nowhere(_clinic_id: int) -> Collection[str]:
    """Send the results of no clinic anywhere."""
    return ()


class ClinicDestinations:
    """Reads from the settings where the results of clinics go."""

    def __init__(self, session: Session, settings: Settings) -> None:
        self._session = session
        self._settings = settings

    def archives(self, clinic_id: int) -> list[str]:
        """List the archives that a clinic's results are sent to."""
        return self.settings_of(clinic_id).send_to_list

    def systems(self, clinic_id: int) -> list[str]:
        """List the systems beside archives that get a clinic's reports, by the names of their kinds."""
        return self.settings_of(clinic_id).report_to_list

    def who_share(self, system: str, clinic_id: int) -> list[int] | None:
        """List the clinics whose reports go to the same address as a clinic's by a kind of system; None for all."""
        if not self._settings.clinic_destinations:
            return None
        names = {number: name for number, name in self._session.execute(select(Clinic.id, Clinic.name))}
        address = {name: own.report_to.get(system) for name, own in self._settings.clinic_destinations.items()}
        shared = address.get(names.get(clinic_id, ""))
        return [number for number, name in names.items() if address.get(name) == shared]

    def settings_of(self, clinic_id: int) -> Settings:
        """Return the settings with the destinations of a clinic."""
        if not self._settings.clinic_destinations:
            return self._settings
        name = self._session.scalar(select(Clinic.name).where(Clinic.id == clinic_id))
        return self._settings.for_clinic(name or "")
