"""A person who acts, and what their role lets them do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from lungwise.errors import NotFound


class Role(StrEnum):
    """What somebody is in their clinic: a person, the DICOM node, or a hospital system that sends HL7 messages."""

    DOCTOR = "doctor"
    RADIOLOGIST = "radiologist"
    ADMINISTRATOR = "administrator"
    HEALTH_WORKER = "health_worker"
    NODE = "node"
    HOSPITAL_SYSTEM = "hospital_system"


PEOPLE = (Role.DOCTOR, Role.RADIOLOGIST, Role.ADMINISTRATOR, Role.HEALTH_WORKER)
"""The roles that an account may have."""


class Right(StrEnum):
    """What a role may do.

    `SEE` alone is to see the studies that one uploaded; with `SEE_ALL` it is all of the clinic, and its patients.
    """

    SEE = "see"
    SEE_ALL = "see_all"
    UPLOAD = "upload"
    CONCLUDE = "conclude"
    EXPORT = "export"
    KEEP_PATIENTS = "keep_patients"
    DELETE = "delete"
    ADMINISTER = "administer"


_EVERYONE = frozenset({Right.SEE, Right.SEE_ALL, Right.UPLOAD, Right.CONCLUDE, Right.EXPORT})
RIGHTS: dict[Role, frozenset[Right]] = {
    Role.RADIOLOGIST: _EVERYONE,
    Role.DOCTOR: _EVERYONE | {Right.KEEP_PATIENTS},
    Role.ADMINISTRATOR: frozenset(Right),
    Role.HEALTH_WORKER: frozenset({Right.SEE, Right.UPLOAD}),
    Role.NODE: frozenset({Right.SEE, Right.SEE_ALL, Right.UPLOAD, Right.EXPORT}),
    Role.HOSPITAL_SYSTEM: frozenset({Right.SEE, Right.SEE_ALL, Right.UPLOAD, Right.KEEP_PATIENTS}),
}


@dataclass(frozen=True, slots=True)
class Person:
    """Who acts. Every rule about a clinic or a role asks this. A node has no account, so its id is None.

    Parameters
    ----------
    within
        The rights that a token leaves of the role's; all of them for one who signed in.
    """

    id: int | None
    name: str
    clinic_id: int
    role: Role
    within: frozenset[Right] = frozenset(Right)

    def may(self, right: Right) -> bool:
        """Return whether the role has the right, and the token too where one is used."""
        return right in RIGHTS[self.role] and right in self.within

    def need(self, right: Right) -> None:
        """Require the right.

        Raises
        ------
        NotFound
            Without it. Others see no difference to what does not exist.
        """
        if not self.may(right):
            raise NotFound


NOBODY = Person(None, "", 0, Role.NODE, frozenset())
"""Somebody unknown, of no clinic, who may do nothing."""
