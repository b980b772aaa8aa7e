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

    def settings_of(self, clinic_id: int) -> Settings:
        """Return the settings with the destinations of a clinic."""
        if not self._settings.clinic_destinations:
            return self._settings
        name = self._session.scalar(select(Clinic.name).where(Clinic.id == clinic_id))
        return self._settings.for_clinic(name or "")
