"""The reading as a structured report: TID 1500, with the model as the observer (PS3.16; IHE AI Results)."""

from __future__ import annotations

from typing import Final

from highdicom.sr import (
    AlgorithmIdentification,
    CodedConcept,
    Comprehensive3DSR,
    DeviceObserverIdentifyingAttributes,
    Measurement,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    ObserverContext,
    QualitativeEvaluation,
    RelationshipTypeValues,
    SourceImageForMeasurementGroup,
    TextContentItem,
    TrackingIdentifier,
)
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from lungwise.films import Refusal
from lungwise.reading.findings import finding_named
from lungwise.results.result import MANUFACTURER, RESEARCH, SERIES, FilmResult
from lungwise.results.study_header import StudyHeader
from lungwise.studies.uids import own_uid

VERDICTS: Final = {
    "positive": CodedConcept("10828004", "SCT", "Positive"),
    "negative": CodedConcept("260385009", "SCT", "Negative"),
    "uncertain": CodedConcept("42425007", "SCT", "Equivocal"),
}
_VERDICT: Final = CodedConcept("verdict", "99LUNGWISE", "Verdict at the model's thresholds")
_CHEST_FILM: Final = CodedConcept("399208008", "SCT", "Plain X-ray of chest")


def structured_report(header: StudyHeader, result: FilmResult) -> Dataset:
    """Make the report; for a refused film it says that the film could not be read, and why."""
    groups = _groups(header, result)
    content = MeasurementReport(
        observation_context=ObservationContext(observer_device_context=_observer(result)),
        procedure_reported=_CHEST_FILM,
        imaging_measurements=groups,
        title=codes.DCM.ImagingMeasurementReport,
    )
    return Comprehensive3DSR(
        evidence=[header.as_evidence()],
        content=content[0],
        series_instance_uid=result.uid(header, "SR", "series"),
        series_number=SERIES["SR"].number,
        sop_instance_uid=result.uid(header, "SR"),
        instance_number=1,
        manufacturer=MANUFACTURER,
        is_complete=True,
        series_description=SERIES["SR"].description,
        manufacturer_model_name=result.model,
        software_versions=result.version,
        device_serial_number=result.version,
    )


def _observer(result: FilmResult) -> ObserverContext:
    device = DeviceObserverIdentifyingAttributes(
        uid=own_uid("model", result.model, result.version),
        name=f"Lungwise {result.model} {result.version}",
        manufacturer_name=MANUFACTURER,
        model_name=result.model,
        serial_number=result.version,
    )
    return ObserverContext(codes.DCM.Device, device)


def _groups(header: StudyHeader, result: FilmResult) -> list[MeasurementsAndQualitativeEvaluations]:
    if isinstance(result.outcome, Refusal):
        failed = QualitativeEvaluation(codes.DCM.SummaryOfAnalyses, codes.DCM.Failed)
        group = _group(header, result, "COVID-19", "COVID-19", evaluations=[failed])
        _comment(group, f"{result.outcome.code}: {result.outcome.reason}")
        return [group]
    reading = result.outcome
    evaluation = QualitativeEvaluation(_VERDICT, VERDICTS[reading.verdict])
    verdict = _group(header, result, "COVID-19", "COVID-19", reading.probability, [evaluation])
    _comment(verdict, result.headline.text)
    _comment(verdict, RESEARCH)
    findings = (_group(header, result, name, f"finding: {name}", share) for name, share in reading.findings.items())
    return [verdict, *findings]


def _group(
    header: StudyHeader,
    result: FilmResult,
    finding: str,
    name: str,
    probability: float | None = None,
    evaluations: list[QualitativeEvaluation] | None = None,
) -> MeasurementsAndQualitativeEvaluations:
    """Make one measurement group (TID 1501) on the film, of a finding by its name."""
    code = finding_named(finding).code
    return MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(result.uid(header, "SR", name), name),
        finding_type=CodedConcept(code.value, code.scheme, code.meaning),
        algorithm_id=AlgorithmIdentification(result.model, result.version, manufacturer=MANUFACTURER),
        measurements=None if probability is None else [_probability(probability)],
        qualitative_evaluations=evaluations,
        source_images=[SourceImageForMeasurementGroup(header.film_class, header.film_uid)],
    )


def _probability(probability: float) -> Measurement:
    return Measurement(codes.DCM.Probability, round(probability, 4), codes.UCUM.NoUnits)


def _comment(group: MeasurementsAndQualitativeEvaluations, text: str) -> None:
    item = TextContentItem(codes.DCM.Comment, text, RelationshipTypeValues.CONTAINS)
    group[0].ContentSequence.append(item)
