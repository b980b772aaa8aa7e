"""Every film and its results, with the attributes that they are found by."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from pydicom.dataset import Dataset

from lungwise.access import Person
from lungwise.dicomweb import metadata
from lungwise.dicomweb.metadata import Attributes, attribute, value
from lungwise.patients.identity import PatientFacts, contradictions
from lungwise.patients.service import Patient
from lungwise.results.film_results import FilmResults, Outline
from lungwise.results.result_objects import file_bytes
from lungwise.studies.archive import Archive, ArchiveSearch
from lungwise.studies.header_index import attributes_of
from lungwise.studies.service import FilmRecord, Studies

STUDY, SERIES, INSTANCE, CLASS, MODALITY = "0020000D", "0020000E", "00080018", "00080016", "00080060"
# fmt: off
_OF_STUDY = (
    "00080005", "00080020", "00080030", "00080050", "00080090", "00081030",
    "00100010", "00100020", "00100030", "00100040", "00200010",
)
# fmt: on
_ACCESSION, _PATIENT_ID = "00080050", "00100020"
_OF_SERIES = ["0008103E", MODALITY, SERIES, "00200011"]
_OF_INSTANCE = [CLASS, INSTANCE, "00200013", "00280010", "00280011", "00280100"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One object: its attributes, and what loads its file, even after the request's session is closed."""

    attributes: Attributes
    load: Callable[[], bytes]


class InstanceIndex:
    """The films of a clinic and their results that one person may see."""

    def __init__(self, person: Person, archive: Archive, studies: Studies, results: FilmResults) -> None:
        self._person = person
        self._archive = archive
        self._studies = studies
        self._results = results
        self._alone: set[str | None] = set()
        """Studies beside whose films there are no other objects."""

    def studies(self, search: ArchiveSearch | None = None) -> Iterator[list[FilmRecord]]:
        """Iterate over the studies, the newest first, each as its films."""
        for study in self._archive.studies(self._person, search):
            if not study.has_objects:
                self._alone.update(film.study_uid for film in study.films)
            yield study.films

    def patient(self, film: FilmRecord) -> Patient:
        """Return whose film it is, as is known now."""
        return self._studies.patient(self._person, film.study)

    def outlines(self, films: list[FilmRecord]) -> list[Attributes]:
        """Return the attributes of the films and, as far as they are known without making them, of their results."""
        headers = {film.id: self._described(film) for film in films}
        own = (headers[film.id] for film in films if film.kind == "DICOM")
        made = (_outlined(headers[one.film.id], one) for one in self._results.outlines(self._person, films))
        return list(_each_once([*own, *made, *(one.attributes for one in self._objects(films))]))

    def instances(
        self, films: list[FilmRecord], instance: str | None = None, series: str | None = None
    ) -> Iterator[Instance]:
        """Return the films' objects and their results', each once.

        If `instance` is a film's UID, only that film; of the results only those that may lie in `series`.
        """
        seen: set[str] = set()
        for one in self._instances(films, instance, series):
            uid = value(one.attributes, INSTANCE)
            if uid not in seen:
                seen.add(uid)
                yield one

    def films(self, films: list[FilmRecord]) -> Iterator[Instance]:
        """Return the films' own objects."""
        yield from filter(None, map(self._film, films))

    def _instances(self, films: list[FilmRecord], instance: str | None, series: str | None) -> Iterator[Instance]:
        named = [film for film in films if instance and film.instance_uid == instance]
        yield from self.films(named or films)
        if not named:
            outlines = self._results.outlines(self._person, films)
            kinds = {one.kind for one in outlines if series in (None, one.uid)} - {""}
            yield from map(_made, self._results.of(self._person, films, kinds))
            yield from self._objects(films)

    def study_attributes(self, instances: list[Attributes], url: str) -> Attributes:
        """Return what a study is found by, from the attributes of its instances."""
        first = instances[0]
        study = {tag: first[tag] for tag in (*_OF_STUDY, STUDY) if tag in first}
        study["00080061"] = attribute("CS", *sorted({value(one, MODALITY) for one in instances}))
        study["00081190"] = attribute("UR", f"{url}/studies/{value(first, STUDY)}")
        study["00201206"] = attribute("IS", len({value(one, SERIES) for one in instances}))
        study["00201208"] = attribute("IS", len(instances))
        return {**study, "00080056": attribute("CS", "ONLINE")}

    def series_attributes(self, study: Attributes, instances: list[Attributes]) -> Attributes:
        """Return what a series is found by."""
        first = instances[0]
        series = {tag: first[tag] for tag in _OF_SERIES if tag in first}
        series["00201209"] = attribute("IS", len(instances))
        series["00081190"] = attribute("UR", f"{value(study, '00081190')}/series/{value(first, SERIES)}")
        return study | series

    def instance_attributes(self, series: Attributes, one: Attributes) -> Attributes:
        """Return what an instance is found by."""
        instance = {tag: one[tag] for tag in _OF_INSTANCE if tag in one}
        instance["00081190"] = attribute("UR", f"{value(series, '00081190')}/instances/{value(one, INSTANCE)}")
        return series | instance

    def _objects(self, films: list[FilmRecord]) -> Iterator[Instance]:
        """Return the other objects of a DICOM study, those that the store gives and that are not kept aside."""
        uids = {film.study_uid for film in films} - self._alone
        if not uids:
            return
        for study in {film.study_id: film.study for film in films}.values():
            theirs = self._studies.objects_of(self._person, study).theirs
            aside = self._studies.objects.aside(self._person.clinic_id, [item.instance_uid for item in theirs])
            for item in theirs:
                if item.study_uid in uids and item not in aside:
                    attributes = metadata.of_film(self._studies.objects.data(item))
                    yield Instance(attributes=attributes, load=self._studies.objects.loader(item))

    def _film(self, film: FilmRecord) -> Instance | None:
        if film.kind != "DICOM":
            item = self._results.film(self._person, film)
            return None if item is None else _made(item)
        return Instance(attributes=self._header(film), load=self._results.original(film))

    def _described(self, film: FilmRecord) -> Attributes:
        """Return what is known of a film and its study without reading its file, unless it is not indexed yet."""
        if film.kind != "DICOM":
            return metadata.of_object(self._results.header(self._person, film))
        header = self._header(film)
        if film.accession_index and not value(header, _ACCESSION):  # an order's, which its results carry
            header = header | {_ACCESSION: attribute("SH", film.accession)}
        if not value(header, _PATIENT_ID):
            known = self.patient(film).facts
            if not contradictions(PatientFacts.from_json(film.header), known):  # its results carry the number then
                header = header | {_PATIENT_ID: attribute("LO", known.identifier)}
        return header

    def _header(self, film: FilmRecord) -> Attributes:
        attributes = attributes_of(film) or metadata.of_film(self._studies.data(film))
        uids = {STUDY: film.study_uid, SERIES: film.series_uid, INSTANCE: film.instance_uid}
        return attributes | {tag: attribute("UI", uid) for tag, uid in uids.items()}


def _outlined(header: Attributes, outline: Outline) -> Attributes:
    """Describe an object that is not made yet: its series, and its study and patient as its film has them."""
    series = {
        MODALITY: attribute("CS", outline.series.modality),
        "0008103E": attribute("LO", outline.series.description),
        SERIES: attribute("UI", outline.uid),
        "00200011": attribute("IS", outline.series.number),
    }
    return {tag: header[tag] for tag in (*_OF_STUDY, STUDY, "00100021") if tag in header} | series


def _each_once(found: Iterable[Attributes]) -> Iterator[Attributes]:
    """Leave out what was found before under the same UID; what is not made yet has none."""
    seen: set[str] = set()
    for one in found:
        uid = value(one, INSTANCE)
        if not uid or uid not in seen:
            seen.add(uid)
            yield one


def _made(item: Dataset) -> Instance:
    """Return an object that was made for this request."""
    data = file_bytes(item)
    return Instance(attributes=metadata.of_object(item), load=lambda: data)
