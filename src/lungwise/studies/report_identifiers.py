"""By what a system that got a study's report knows it, and under whom it filed it: enough to withdraw it there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Self

from pydantic import TypeAdapter

from lungwise.orders.order import PlacerNumber, Procedure
from lungwise.orders.service import Order
from lungwise.patients.identity import PatientFacts
from lungwise.patients.service import Patient
from lungwise.studies.identifiers import IdentifierKind, identifiers_of_study
from lungwise.studies.models import Study


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedOrder:
    """An order as a report names it; of a report that answers none, the accession number alone."""

    accession: str
    placer: PlacerNumber | None = None
    procedure: Procedure = field(default_factory=Procedure)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportIdentifiers:
    """What identifies a report elsewhere.

    Parameters
    ----------
    study
        The study's key.
    patient, facts
        The record's key, and what was known of the patient.
    films
        The keys of those that were read.
    orders
        One at least.
    """

    study: str
    patient: str
    facts: PatientFacts
    films: tuple[str, ...]
    orders: tuple[ReportedOrder, ...]

    def as_json(self) -> str:
        """Write them as text, to be kept."""
        return _JSON.dump_json(self).decode()

    @classmethod
    def from_json(cls, text: str) -> ReportIdentifiers:
        """Read what was kept as text."""
        return _JSON.validate_json(text)

    def joined(self, earlier: ReportIdentifiers) -> Self:
        """Return them with the films and orders that an earlier version named."""
        films = dict.fromkeys((*self.films, *earlier.films))
        orders = dict.fromkeys((*self.orders, *earlier.orders))
        return replace(self, films=tuple(films), orders=tuple(orders))


_JSON: Final = TypeAdapter(ReportIdentifiers)


def report_identifiers(study: Study, patient: Patient, orders: Sequence[Order]) -> ReportIdentifiers:
    """Return what identifies the report of a study that answers some orders."""
    accessions = (one.value for one in identifiers_of_study(study) if one.kind is IdentifierKind.ACCESSION)
    named = [ReportedOrder(accession=one.accession, placer=one.placer, procedure=one.procedure) for one in orders]
    return ReportIdentifiers(
        study=study.key,
        patient=patient.key,
        facts=patient.facts,
        films=tuple(film.key for film in study.films if film.reading),
        orders=tuple(named) or (ReportedOrder(accession=next(accessions, "")),),
    )
