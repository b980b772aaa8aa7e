"""A structured report in the simpler classes, for archives that do not take the one it is made in (PS3.3, A.35)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import deepcopy
from typing import Final

from pydicom.dataset import Dataset
from pydicom.uid import UID, BasicTextSRStorage, Comprehensive3DSRStorage, EnhancedSRStorage

from lungwise.studies.uids import own_uid

SIMPLER_CLASSES: Final[tuple[UID, ...]] = (EnhancedSRStorage, BasicTextSRStorage)
"""The richest first."""


def simpler_classes(kind: str) -> tuple[UID, ...]:
    """Return the classes that an object of a class can be written in for an archive that does not take it."""
    return SIMPLER_CLASSES if kind == Comprehensive3DSRStorage else ()


def as_simpler_report(report: Dataset, kind: UID) -> Dataset:
    """Write a Comprehensive 3D SR as Enhanced or Basic Text SR. The same report gives the same object.

    Basic Text SR has neither numbers nor regions: a number becomes a text, and a region is left out.
    """
    simpler = Dataset()
    simpler.update(deepcopy(dict(report)))
    simpler.file_meta = deepcopy(report.file_meta)
    simpler.SOPClassUID, simpler.SOPInstanceUID = kind, _uid(report.SOPInstanceUID, kind)
    for reference in _predecessors(simpler):
        reference.ReferencedSOPClassUID = kind
        reference.ReferencedSOPInstanceUID = _uid(reference.ReferencedSOPInstanceUID, kind)
    for name in ("MediaStorageSOPClassUID", "MediaStorageSOPInstanceUID"):
        if name in simpler.file_meta:
            del simpler.file_meta[name]
    if kind == BasicTextSRStorage:
        simpler.ContentSequence = list(_in_words(simpler.ContentSequence))
        del simpler.ContentTemplateSequence
    return simpler


def _uid(report: str, kind: UID) -> str:
    return own_uid("simpler", report, kind)


def _predecessors(report: Dataset) -> Iterator[Dataset]:
    """Return what refers to earlier versions, which the archive has in the same class."""
    for study in report.get("PredecessorDocumentsSequence", ()):
        for series in study.ReferencedSeriesSequence:
            yield from series.ReferencedSOPSequence


def _in_words(items: Iterable[Dataset]) -> Iterator[Dataset]:
    for item in items:
        if item.ValueType == "SCOORD":
            continue
        if item.ValueType == "NUM":
            _put_into_words(item)
        if "ContentTemplateSequence" in item:
            del item.ContentTemplateSequence
        if "ContentSequence" in item:
            item.ContentSequence = list(_in_words(item.ContentSequence))
            if not item.ContentSequence:
                del item.ContentSequence
        yield item


def _put_into_words(item: Dataset) -> None:
    """Write a number with its unit as a text."""
    measured = item.MeasuredValueSequence[0]
    unit = measured.MeasurementUnitsCodeSequence[0]
    shown = "" if unit.CodeValue == "1" else f" {unit.CodeValue}"
    item.ValueType, item.TextValue = "TEXT", f"{measured.NumericValue}{shown}"
    del item.MeasuredValueSequence
