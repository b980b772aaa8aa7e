"""The rules of clinics: an administrator sets their own, and it holds from the next request on, in every process."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import tzinfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from lungwise.access import Person, Right
from lungwise.audit.actions import Action, Subject
from lungwise.audit.closed_clinics import closed_among
from lungwise.audit.service import AuditTrail
from lungwise.clinics.clinic_settings import ClinicChoices, ClinicSettings, RetentionMode
from lungwise.clinics.models import Clinic
from lungwise.errors import NotFound, Rejected
from lungwise.inputs import folded_name, refuse_overwriting
from lungwise.settings import Registration, Settings
from lungwise.store import Clock

__all__ = ["Clinic", "ClinicChoices", "ClinicSettings", "Clinics", "clinic_alike"]


class Clinics:
    """Every clinic of the installation.

    Parameters
    ----------
    moved
        Called with a clinic's id and its time zone where that has changed.
    """

    def __init__(
        self,
        session: Session,
        clock: Clock,
        settings: Settings,
        audit: AuditTrail,
        moved: Callable[[int, tzinfo], None] = lambda _clinic_id, _zone: None,
    ) -> None:
        self._moved = moved
        self._session = session
        self._clock = clock
        self._settings = settings
        self._audit = audit

    def all(self) -> list[Clinic]:
        """List every clinic by name."""
        return list(self._session.scalars(select(Clinic).order_by(Clinic.name)))

    def find(self, name: str) -> Clinic | None:
        """Return the clinic of that name, whatever blanks are around it; None where there is none.

        Raises
        ------
        Rejected
            If the name is blank, or differs from that of a clinic in nothing but case, spaces or width.
        """
        name = name.strip()
        if not name:
            raise Rejected("Enter a name.")
        clinics = self.all()
        there = {clinic.name.strip(): clinic for clinic in clinics} | {clinic.name: clinic for clinic in clinics}
        if name not in there:
            _refuse_alike(name, clinics)
        return there.get(name)

    def named(self, name: str) -> Clinic:
        """Return the clinic of that name, made where there is none.

        Raises
        ------
        Rejected
            If the name is blank, or differs from that of a clinic in nothing but case, spaces or width.
        """
        found = self.find(name)
        if found is None:
            found = Clinic(name=name.strip(), created_at=self._clock())
            self._session.add(found)
            self._session.flush()
        return found

    def settings_of(self, clinic_id: int) -> ClinicSettings:
        """Return what holds for a clinic; for none, what the installation is set to."""
        clinic = self._session.get(Clinic, clinic_id)
        return ClinicSettings.of(_choices_of(clinic) if clinic else ClinicChoices(name=""), self._settings)

    def taking_registrations(self) -> list[Clinic]:
        """List the clinics where somebody may ask for an account without an invitation: none that moves."""
        found = [clinic for clinic in self.all() if self._registration(clinic) is not Registration.INVITATION]
        closed = closed_among(self._session, [clinic.id for clinic in found])
        return [clinic for clinic in found if clinic.id not in closed]

    def choices(self, person: Person) -> ClinicChoices:
        """Return what an administrator's clinic has chosen."""
        person.need(Right.ADMINISTER)
        return _choices_of(self._own(person))

    def change(self, by: Person, chosen: ClinicChoices, known: ClinicChoices | None = None) -> Clinic:
        """Change what an administrator's own clinic has chosen.

        Parameters
        ----------
        known
            What the administrator was shown as chosen, where that is known.

        Raises
        ------
        Rejected
            If another clinic has the name or almost the same, or a setting or the identity provider knows the clinic
            by the old one.
        Conflict
            If somebody else has changed what was known.
        """
        by.need(Right.ADMINISTER)
        clinic = self._own(by, locked=True)
        refuse_overwriting(known, _choices_of(clinic), chosen)
        if chosen.name != clinic.name:
            self._check_name(clinic, chosen.name)
        if chosen == _choices_of(clinic):
            return clinic
        before = self.settings_of(clinic.id).zone
        clinic.name, clinic.letterhead = chosen.name, chosen.letterhead or None
        clinic.time_zone, clinic.prevalence = chosen.time_zone, chosen.prevalence
        clinic.language, clinic.registration = chosen.language, chosen.registration
        clinic.sampled, clinic.result_days = chosen.sampled, chosen.result_days
        clinic.retention, clinic.retention_days = chosen.retention, chosen.retention_days
        self._session.flush()
        self._audit.record(by, Action.CHANGED, Subject.CLINIC, str(clinic.id))
        if (zone := self.settings_of(clinic.id).zone) != before:
            self._moved(clinic.id, zone)
        return clinic

    def _own(self, person: Person, *, locked: bool = False) -> Clinic:
        found = self._session.get(Clinic, person.clinic_id, with_for_update=locked, populate_existing=locked)
        if found is None:
            raise NotFound
        return found

    def _check_name(self, clinic: Clinic, name: str) -> None:
        if self._session.scalar(select(Clinic.id).where(Clinic.name == name, Clinic.id != clinic.id)):
            raise Rejected("Another clinic has this name.")
        _refuse_alike(name, (other for other in self.all() if other.id != clinic.id))
        naming = self._settings.settings_naming(clinic.name)
        if self._settings.oidc_issuer and self._settings.oidc_clinic_claim:
            naming.append("oidc_clinic_claim")  # the identity provider knows every clinic by its name
        if naming:
            raise Rejected(
                "This clinic is known by its name in a setting: %(setting)s. Change that first, or leave the name.",
                setting=naming[0],
            )

    def _registration(self, clinic: Clinic) -> Registration:
        return ClinicSettings.of(_choices_of(clinic), self._settings).registration


def clinic_alike(name: str, clinics: Iterable[Clinic]) -> Clinic | None:
    """Return a clinic whose name differs in nothing but case, spaces or width; None where there is none."""
    return next((one for one in clinics if folded_name(one.name) == folded_name(name)), None)


def _refuse_alike(name: str, others: Iterable[Clinic]) -> None:
    if alike := clinic_alike(name, others):
        raise Rejected(
            "There is a clinic with almost this name: %(name)s. Use that name, or one that differs more.",
            name=alike.name,
        )


def _choices_of(clinic: Clinic) -> ClinicChoices:
    return ClinicChoices(
        name=clinic.name,
        letterhead=clinic.letterhead or "",
        time_zone=clinic.time_zone,
        prevalence=clinic.prevalence,
        language=clinic.language,
        registration=Registration(clinic.registration) if clinic.registration else None,
        sampled=clinic.sampled,
        result_days=clinic.result_days,
        retention=RetentionMode(clinic.retention) if clinic.retention else None,
        retention_days=clinic.retention_days,
    )
