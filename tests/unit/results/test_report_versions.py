from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.uid import EnhancedSRStorage

from dicom_checks import dumped, errors_of
from film_results import FACTS, MADE_AT, READ
from lungwise.results.result import Statement
from lungwise.results.result_objects import ReadFilm, study_objects
from lungwise.results.simpler_reports import as_simpler_report
from lungwise.studies.sent_reports import ReportVersion

FILM = ReadFilm(data=b"a picture", facts=FACTS, result=READ)


def report(sent: list[ReportVersion], *sentences: str) -> Dataset:
    said = Statement(sentences=sentences, changed_at=MADE_AT, sent=tuple(sent))
    return study_objects([FILM], said)[0]


def version(item: Dataset) -> ReportVersion:
    study, series, instance = item.StudyInstanceUID, item.SeriesInstanceUID, item.SOPInstanceUID
    return ReportVersion(study_uid=str(study), series_uid=str(series), instance_uid=str(instance))


def predecessors(item: Dataset) -> list[tuple[str, str, str, str]]:
    return [
        (study.StudyInstanceUID, series.SeriesInstanceUID, one.ReferencedSOPClassUID, one.ReferencedSOPInstanceUID)
        for study in item.get("PredecessorDocumentsSequence", [])
        for series in study.ReferencedSeriesSequence
        for one in series.ReferencedSOPSequence
    ]


def test_each_version_names_the_one_before_it_and_stays_the_same_object_once_it_is_sent(tmp_path: Path) -> None:
    first = report([])
    assert predecessors(first) == [] and report([version(first)]).SOPInstanceUID == first.SOPInstanceUID

    second = report([version(first)], "Dr Rao: Conclusion: Normal")
    named = (first.StudyInstanceUID, first.SeriesInstanceUID, first.SOPClassUID, first.SOPInstanceUID)
    assert predecessors(second) == [named]
    assert errors_of(second, tmp_path) == [] and dumped(second, tmp_path)

    sent = [version(second), version(first)]
    assert version(report(sent, "Dr Rao: Conclusion: Normal")) == version(second)
    third = report(sent, "Dr Rao: Conclusion: Tuberculosis")
    assert [one[3] for one in predecessors(third)] == [second.SOPInstanceUID]
    assert len({item.SOPInstanceUID for item in (first, second, third)}) == 3
    assert third.file_meta.MediaStorageSOPInstanceUID == third.SOPInstanceUID


def test_a_report_that_says_again_what_an_earlier_one_said_is_a_new_version() -> None:
    first = report([])
    second = report([version(first)], "Dr Rao: Conclusion: Normal")
    third = report([version(second), version(first)])
    assert [one[3] for one in predecessors(third)] == [second.SOPInstanceUID]
    assert third.SOPInstanceUID != first.SOPInstanceUID


def test_a_simpler_report_follows_the_simpler_one_that_the_archive_has(tmp_path: Path) -> None:
    first = report([])
    second = as_simpler_report(report([version(first)], "Dr Rao: Conclusion: Normal"), EnhancedSRStorage)
    simpler = as_simpler_report(first, EnhancedSRStorage)
    assert [one[2:] for one in predecessors(second)] == [(EnhancedSRStorage, simpler.SOPInstanceUID)]
    assert errors_of(second, tmp_path) == []


def test_another_model_series_is_named_where_it_made_the_earlier_report() -> None:
    first = report([])
    newer = replace(FILM, result=replace(READ, version="9"))
    second = study_objects([newer], Statement(sent=(version(first),)))[0]
    assert second.SeriesInstanceUID != first.SeriesInstanceUID
    assert predecessors(second)[0][1] == first.SeriesInstanceUID
