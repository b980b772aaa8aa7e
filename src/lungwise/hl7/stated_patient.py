"""What a message says of a patient: PID for whom it is about, MRG for the record that is merged into theirs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from lungwise.films.dicom.header import MOST_NUMBER
from lungwise.hl7.message import MessageError, Segment, part_of
from lungwise.patients.identity import IdentityRules, PatientFacts

_LONGEST_NAME = 200
_PREFERRED = ("MR", "PI", "PT", "")
"""Types of identifiers (table 0203), those that a hospital gives its patients first."""
_SEXES = {"M": "M", "F": "F", "O": "O", "A": "O", "U": "", "N": ""}
_LEGAL = ("L", "D", "")
_DATE = re.compile(r"(\d{4})(\d\d)(\d\d)")


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedPatient:
    """What is said of a patient; `cleared` names facts of which it is said that there are none."""

    facts: PatientFacts
    cleared: frozenset[str] = frozenset()


def patient_of(pid: Segment, rules: IdentityRules) -> StatedPatient:
    """Return what a PID segment says.

    Raises
    ------
    MessageError
        If it has no identifier of a patient.
    """
    identifier, issuer = _identifier(pid.repetitions(3 if pid.text(3) else 2), rules)
    facts = PatientFacts(
        identifier=identifier,
        issuer=issuer,
        birth_date=_birth_date(pid.text(7)),
        sex=_SEXES.get(pid.text(8)[:1].upper(), ""),
    )
    facts = replace(facts, **_names(pid.repetitions(5)))
    cleared = frozenset(name for name, field in (("birth_date", 7), ("sex", 8)) if pid.is_null(field))
    return StatedPatient(facts=_named(facts, rules, "PID-3"), cleared=cleared)


def merged_of(mrg: Segment, rules: IdentityRules) -> StatedPatient:
    """Return what an MRG segment says of the record that is given up.

    Raises
    ------
    MessageError
        If it has no identifier of a patient.
    """
    identifier, issuer = _identifier(mrg.repetitions(1), rules)
    facts = replace(PatientFacts(identifier=identifier, issuer=issuer), **_names(mrg.repetitions(7)))
    return StatedPatient(facts=_named(facts, rules, "MRG-1"))


def _named(facts: PatientFacts, rules: IdentityRules, field: str) -> PatientFacts:
    stated = rules.stated(facts)
    if not stated.identifier:
        raise MessageError(f"{field} has no identifier of a patient.")
    return stated


def _identifier(repetitions: Sequence[list[list[str]]], rules: IdentityRules) -> tuple[str, str]:
    """Choose the identifier by which films come: one of an own issuer, else a medical record number, else the first."""
    known = [one for one in repetitions if part_of(one, 1)]
    if not known:
        return "", ""
    chosen = min(known, key=lambda one: _rank(one, rules))
    identifier, issuer = part_of(chosen, 1), _issuer(chosen)
    if max(len(identifier), len(issuer)) > MOST_NUMBER:
        raise MessageError(f"An identifier or its issuer is longer than {MOST_NUMBER} letters.")
    return identifier, issuer


def _rank(repetition: list[list[str]], rules: IdentityRules) -> tuple[bool, int]:
    is_own = rules.issuer(PatientFacts(issuer=_issuer(repetition))) == "own"
    kind = part_of(repetition, 5)
    return not is_own, _PREFERRED.index(kind) if kind in _PREFERRED else len(_PREFERRED)


def _issuer(repetition: list[list[str]]) -> str:
    """Return the assigning authority: its name here, else its universal one."""
    return part_of(repetition, 4, 1) or part_of(repetition, 4, 2)


def _names(repetitions: Sequence[list[list[str]]]) -> dict[str, Any]:
    """Choose the name of a patient in each way of writing it, the legal one first."""
    found: dict[str, Any] = {}
    for repetition in sorted(repetitions, key=lambda one: part_of(one, 7) not in _LEGAL):
        written = {"I": "ideographic", "P": "phonetic"}.get(part_of(repetition, 8), "name")
        name = " ".join(filter(None, (part_of(repetition, part) for part in (1, 2, 3, 4))))
        if name:
            found.setdefault(written, name[:_LONGEST_NAME])
    return found


def _birth_date(text: str) -> date | None:
    """Return a whole date; a year or a month alone is none."""
    match = _DATE.match(text)
    try:
        return date(*map(int, match.groups())) if match else None
    except ValueError:
        raise MessageError("PID-7 is not a date.") from None
