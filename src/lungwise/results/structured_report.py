"""The reading as a structured report: TID 1500, with the model as the observer (PS3.16; IHE AI Results)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from highdicom.sr import (
    AlgorithmIdentification,
    CodedConcept,
    Comprehensive3DSR,
    DeviceObserverIdentifyingAttributes,
    FindingSite,
    GraphicTypeValues,
    ImageRegion,
    Measurement,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    ObserverContext,
    PlanarROIMeasurementsAndQualitativeEvaluations,
    QualitativeEvaluation,
    RelationshipTypeValues,
    SourceImageForMeasurementGroup,
    SourceImageForRegion,
    TextContentItem,
    TrackingIdentifier,
)
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from lungwise.films import Refusal
from lungwise.reading.extent import Direction, Extent
from lungwise.reading.findings import FINDING_NAMES, finding_named
from lungwise.reading.reading import Reading
from lungwise.reading.regions import LEVEL
from lungwise.results.orders import referenced_requests
from lungwise.results.result import MANUFACTURER, RESEARCH, SERIES, FilmResult, Statement
from lungwise.results.study_header import StudyHeader
from lungwise.studies.diagnosis import Diagnosis
from lungwise.studies.uids import own_uid
from lungwise.studies.wording import change_sentence, own_thresholds_sentence

Group = MeasurementsAndQualitativeEvaluations | PlanarROIMeasurementsAndQualitativeEvaluations
COVID_19: Final = Diagnosis.COVID_19.value
VERDICTS: Final = {
    "positive": CodedConcept("10828004", "SCT", "Positive"),
    "negative": CodedConcept("260385009", "SCT", "Negative"),
    "uncertain": CodedConcept("42425007", "SCT", "Equivocal"),
}
_VERDICT: Final = CodedConcept("verdict", "99LUNGWISE", "Verdict at the thresholds in force")
_OPACITY: Final = CodedConcept("112001", "DCM", "Opacity")
_LUNG: Final = CodedConcept("39607008", "SCT", "Lung")
_EXTENT: Final = CodedConcept("opacity-extent", "99LUNGWISE", "Extent of opacity in percent of the lung fields")
_BRIXIA: Final = CodedConcept("brixia-score", "99LUNGWISE", "Brixia score, 0 to 18")
_CHANGE: Final = CodedConcept("opacity-change", "99LUNGWISE", "Change of the extent of opacity in percentage points")
_COURSE: Final = CodedConcept("course", "99LUNGWISE", "Change of opacity beyond repeatability")
DIRECTIONS: Final = {
    Direction.MORE: CodedConcept("35105006", "SCT", "Increased"),
    Direction.LESS: CodedConcept("1250004", "SCT", "Decreased"),
    Direction.SAME: CodedConcept("260388006", "SCT", "No change"),
}
_SCORE: Final = CodedConcept("{score}", "UCUM", "score")
_HEAT_LEVEL: Final = CodedConcept("heat-level", "99LUNGWISE", "Level of the heat map that the outline encloses")
_IMPRESSION: Final = CodedConcept("121073", "DCM", "Impression")
_TITLE: Final = CodedConcept("18748-4", "LN", "Diagnostic imaging report")
"""Under the template's own title OHIF 3.12 breaks off at the first group without coordinates; so it shows the text."""
_CHEST_FILM: Final = CodedConcept("399208008", "SCT", "Plain X-ray of chest")


def report_content(films: Sequence[tuple[StudyHeader, FilmResult]], said: Statement | None = None) -> MeasurementReport:
    """Say what was found on a study's films; of a refused film that it could not be read, and why."""
    groups: list[Group] = [group for film, its in films for group in _groups(film, its)]
    if said is not None and (said.sentences or said.diagnosis or said.missing):
        groups.append(_statement(films, said))
    groups += (region for film, its in films for region in _regions(film, its))
    return MeasurementReport(
        observation_context=ObservationContext(observer_device_context=_observer(films[-1][1])),
        procedure_reported=_CHEST_FILM,
        imaging_measurements=groups,
        title=_TITLE,
    )


def structured_report(films: Sequence[tuple[StudyHeader, FilmResult]], said: Statement | None = None) -> Dataset:
    """Make the report of a study: the object that holds `report_content`; partial where it is silent on a film."""
    header, result = films[0][0], films[-1][1]
    missing = said.missing if said is not None else ""
    report = Comprehensive3DSR(
        evidence=[film.as_evidence() for film, _result in films],
        content=report_content(films, said)[0],
        **result.made_as(header, "SR"),
        instance_number=1,
        is_complete=not missing,
        series_description=SERIES["SR"].description,
        requested_procedures=referenced_requests(header) or None,
    )
    if missing:
        report.CompletionFlagDescription = missing
    return report


def _observer(result: FilmResult) -> ObserverContext:
    device = DeviceObserverIdentifyingAttributes(
        uid=own_uid("model", result.model, result.version),
        name=f"Lungwise {result.model} {result.version}",
        manufacturer_name=MANUFACTURER,
        model_name=result.model,
        serial_number=result.version,
    )
    return ObserverContext(codes.DCM.Device, device)


def _groups(header: StudyHeader, result: FilmResult) -> list[Group]:
    if isinstance(result.outcome, Refusal):
        failed = QualitativeEvaluation(codes.DCM.SummaryOfAnalyses, codes.DCM.Failed)
        group = _group(header, result, COVID_19, COVID_19, evaluations=[failed])
        _comment(group, f"{result.outcome.code}: {result.outcome.reason}")
        return [group]
    reading = result.outcome
    evaluation = QualitativeEvaluation(_VERDICT, VERDICTS[reading.verdict])
    verdict = _group(header, result, COVID_19, COVID_19, reading.probability, [evaluation])
    _comment(verdict, result.headline.text)
    if reading.thresholds:
        _comment(verdict, own_thresholds_sentence(str, reading.thresholds))
    _comment(verdict, RESEARCH)
    others = ((name, share) for name, share in reading.findings.items() if name != COVID_19)
    findings = (_group(header, result, name, f"finding: {name}", share) for name, share in others)
    extent = [_extent(header, result, reading.extent)] if reading.extent else []
    return [verdict, *findings, *extent]


def _regions(header: StudyHeader, result: FilmResult) -> Iterator[PlanarROIMeasurementsAndQualitativeEvaluations]:
    """Make one group (TID 1410) for each outline of the heat map."""
    for number, polygon in enumerate(result.regions, start=1):
        source = SourceImageForRegion(header.film_class, header.film_uid)
        name = f"heat map region {number}"
        yield PlanarROIMeasurementsAndQualitativeEvaluations(
            tracking_identifier=TrackingIdentifier(result.uid(header, "SR", name), name),
            referenced_region=ImageRegion(GraphicTypeValues.POLYLINE, np.array(polygon), source),
            finding_type=_OPACITY,
            algorithm_id=_algorithm(result),
            measurements=[Measurement(_HEAT_LEVEL, LEVEL, codes.UCUM.NoUnits)],
        )


def _statement(
    films: Sequence[tuple[StudyHeader, FilmResult]], said: Statement
) -> MeasurementsAndQualitativeEvaluations:
    """Make the group of what persons say of the study: the doctor's conclusion, coded where it has a code.

    It is of the films that were read before. Where none of them is in this report, it is no code of these films.
    """
    header, result = films[0][0], films[-1][1]
    seen = (film for film, its in films if its.is_concluded_on)
    sources = [SourceImageForMeasurementGroup(film.film_class, film.film_uid) for film in seen]
    known = finding_named(said.diagnosis).code if sources and said.diagnosis in FINDING_NAMES else None
    code = CodedConcept(known.value, known.scheme, known.meaning) if known else None
    group = MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(result.uid(header, "SR", "conclusion"), "conclusion"),
        finding_type=code or _IMPRESSION,
        qualitative_evaluations=[QualitativeEvaluation(_IMPRESSION, code)] if code else None,
        source_images=sources or None,
    )
    for sentence in filter(None, (said.missing, *said.sentences)):
        _comment(group, sentence)
    return group


def _extent(header: StudyHeader, result: FilmResult, extent: Extent) -> MeasurementsAndQualitativeEvaluations:
    """Make the group of the extent of opacity, and of its change since an earlier film."""
    measured = [
        Measurement(_EXTENT, round(extent.percent, 1), codes.UCUM.Percent, finding_sites=[FindingSite(_LUNG)]),
        Measurement(_BRIXIA, round(extent.brixia, 1), _SCORE, finding_sites=[FindingSite(_LUNG)]),
    ]
    change, courses = result.change, []
    if change:
        measured.append(Measurement(_CHANGE, change.rounded.points, codes.UCUM.Percent))
        courses.append(QualitativeEvaluation(_COURSE, DIRECTIONS[change.difference.direction]))
    group = _measured(header, result, "extent of opacity", _OPACITY, measured, courses)
    if change:
        _comment(group, change_sentence(str, change))
    return group


def _group(
    header: StudyHeader,
    result: FilmResult,
    finding: str,
    name: str,
    probability: float | None = None,
    evaluations: list[QualitativeEvaluation] | None = None,
) -> MeasurementsAndQualitativeEvaluations:
    """Make one measurement group on the film, of a finding by its name."""
    code = finding_named(finding).code
    concept = CodedConcept(code.value, code.scheme, code.meaning)
    measurements = [] if probability is None else [_probability(probability)]
    return _measured(header, result, name, concept, measurements, evaluations or [])


def _measured(
    header: StudyHeader,
    result: FilmResult,
    name: str,
    finding: CodedConcept,
    measurements: list[Measurement],
    evaluations: list[QualitativeEvaluation],
) -> MeasurementsAndQualitativeEvaluations:
    """Make one measurement group (TID 1501) on the film."""
    return MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(result.uid(header, "SR", name), name),
        finding_type=finding,
        algorithm_id=_algorithm(result),
        measurements=measurements or None,
        qualitative_evaluations=evaluations or None,
        source_images=[SourceImageForMeasurementGroup(header.film_class, header.film_uid)],
    )


def _algorithm(result: FilmResult) -> AlgorithmIdentification:
    """Name the model, and as its parameter the clinic's own thresholds where the film was read by them."""
    own = result.outcome.thresholds if isinstance(result.outcome, Reading) else None
    parameters = [f"thresholds {own.id}"] if own else None
    return AlgorithmIdentification(result.model, result.version, parameters=parameters, manufacturer=MANUFACTURER)


def _probability(probability: float) -> Measurement:
    return Measurement(codes.DCM.Probability, round(probability, 4), codes.UCUM.NoUnits)


def _comment(group: MeasurementsAndQualitativeEvaluations, text: str) -> None:
    item = TextContentItem(codes.DCM.Comment, text, RelationshipTypeValues.CONTAINS)
    group[0].ContentSequence.append(item)
