"""DHIS2's data value set: counts under the identifiers that a country's system has for them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lungwise.errors import Rejected
from lungwise.inputs import dhis2_identifiers
from lungwise.monitoring.aggregates import WeekAggregate
from lungwise.settings import Settings


def data_value_set(weeks: Iterable[WeekAggregate], clinic: str, settings: Settings) -> dict[str, Any]:
    """Return what DHIS2 takes at `/api/dataValueSets`, of the counts that have an identifier.

    Raises
    ------
    Rejected
        If the settings name no data element, or no organisation unit of the clinic.
    """
    elements = dhis2_identifiers(settings.dhis2_data_elements)
    units = dhis2_identifiers(settings.dhis2_org_units)
    unit = units.get(clinic) or units.get("")
    if not elements:
        raise Rejected("DHIS2 needs the identifiers of its data elements. Set dhis2_data_elements.")
    if not unit:
        raise Rejected("DHIS2 needs the identifier of the clinic's organisation unit. Set dhis2_org_units.")
    values = [
        {"dataElement": uid, "period": week.period, "orgUnit": unit, "value": str(getattr(week, name))}
        for week in weeks
        for name, uid in elements.items()
    ]
    return ({"dataSet": settings.dhis2_data_set} if settings.dhis2_data_set else {}) | {"dataValues": values}
