"""What FHIR calls the system of a patient's number: written into reports and orders, and read from orders."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import quote, unquote

from lungwise.patients.identity import IdentityRules, PatientFacts

_SYSTEM = "urn:lungwise:patient"


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientSystems:
    """The systems of patients' identifiers.

    Parameters
    ----------
    own
        What others call the system of the hospital's own numbers; ours where it is empty.
    """

    own: str = ""
    rules: IdentityRules = field(default_factory=IdentityRules)

    def system_of(self, facts: PatientFacts) -> str:
        """Return the system of a patient's identifier."""
        if self.own and self.rules.is_own(facts):
            return self.own
        return f"{_SYSTEM}:{quote(facts.issuer)}" if facts.issuer else _SYSTEM

    def issuer_of(self, system: str) -> str:
        """Return whose number it is: nobody else's, where its system is the hospital's own or says nothing."""
        if system in ("", _SYSTEM, self.own):
            return ""
        ours = f"{_SYSTEM}:"
        return unquote(system.removeprefix(ours)) if system.startswith(ours) else system
