"""Whether the model is still steady, beside the spread of its scores: why they change, refusals, and agreement."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from sqlalchemy.orm import Session

from lungwise.access import Person, Right
from lungwise.jobs.reading_queue import Model
from lungwise.monitoring.agreement import Agreement, agreements
from lungwise.monitoring.answer_table import AnswerTable, answers_of
from lungwise.monitoring.shift import Shift, shift_of
from lungwise.monitoring.statistics import Share
from lungwise.monitoring.weeks import ClinicWeeks
from lungwise.store import Clock
from lungwise.time_zones import ZoneOf, in_utc

MOST_DEVICES = 12
"""Devices that a table lists by themselves, those with the most films; the others are summed up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceRefusals:
    """The films of one device, and how many of them were refused, by code; the name of those summed up is None."""

    device: str | None
    share: Share
    by_code: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Steadiness:
    """What the page shows beside the spread of the scores."""

    shift: Shift | None
    codes: list[str]
    devices: list[DeviceRefusals]
    agreements: list[Agreement]


class ClinicSteadiness:
    """Looks at what a version of the model answered on a clinic's films of the last 26 weeks."""

    def __init__(self, session: Session, clock: Clock, zone_of: ZoneOf = in_utc) -> None:
        self._session = session
        self._weeks = ClinicWeeks(clock, zone_of)
        self._zone_of = zone_of

    def of(self, person: Person, model: Model | None) -> Steadiness:
        """Look at the answers of a model; of none, at what doctors said alone."""
        person.need(Right.ADMINISTER)
        weeks, zone = self._weeks.last(person.clinic_id), self._zone_of(person.clinic_id)
        table = AnswerTable.of([])
        if model:
            table = answers_of(self._session, person.clinic_id, model, weeks[0], zone)
        codes = Counter(table.refusal[table.refusal != ""].tolist())
        return Steadiness(
            shift=shift_of(table, weeks[-1].toordinal()),
            codes=[code for code, _count in codes.most_common()],
            devices=_devices(table),
            agreements=agreements(self._session, person, weeks[0], zone),
        )


def _devices(table: AnswerTable) -> list[DeviceRefusals]:
    films: Counter[str] = Counter(table.device.tolist())
    refused = table.only(table.refusal != "")
    codes = Counter(zip(refused.device.tolist(), refused.refusal.tolist(), strict=True))
    named = [device for device, _count in films.most_common(MOST_DEVICES)]
    found = [_device(device, [device], films, codes) for device in named]
    rest = [device for device in films if device not in named]
    return [*found, _device(None, rest, films, codes)] if rest else found


def _device(
    name: str | None, devices: list[str], films: Counter[str], codes: Counter[tuple[str, str]]
) -> DeviceRefusals:
    by_code: Counter[str] = Counter()
    for device, code in codes:
        if device in devices:
            by_code[code] += codes[device, code]
    total = sum(films[device] for device in devices)
    return DeviceRefusals(device=name, share=Share(count=by_code.total(), total=total), by_code=dict(by_code))
