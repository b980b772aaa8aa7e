"""What the archive holds: every film and its results, with the attributes that they are found by."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lungwise.access import Person
from lungwise.dicomweb import metadata
from lungwise.dicomweb.metadata import Attributes, attribute, value
from lungwise.results.film_results import FilmResults
from lungwise.results.result_objects import file_bytes
from lungwise.studies.archive import Archive
from lungwise.studies.service import FilmRecord, Studies

STUDY, SERIES, INSTANCE, CLASS, MODALITY = "0020000D", "0020000E", "00080018", "00080016", "00080060"
# fmt: off
_OF_STUDY = (
    "00080005", "00080020", "00080030", "00080050", "00080090", "00081030",
    "00100010", "00100020", "00100030", "00100040", "00200010",
)
# fmt: on
_OF_SERIES = ["0008103E", MODALITY, SERIES, "00200011"]
_OF_INSTANCE = [CLASS, INSTANCE, "00200013", "00280010", "00280011", "00280100"]


@dataclass(frozen=True, slots=True)
class Instance:
    """One object: its attributes, and what gives its file, also when the request's session is gone."""

    attributes: Attributes
    load: Callable[[], bytes]


class InstanceIndex:
    """The films of a clinic and their results, as one person may see them."""

    def __init__(self, person: Person, archive: Archive, studies: Studies, results: FilmResults) -> None:
        self._person = person
        self._archive = archive
        self._studies = studies
        self._results = results

    def studies(self, study: str = "", patient_id: str = "", name: str = "") -> Iterator[list[FilmRecord]]:
        """Walk over the studies, the newest first: each as its films."""
        return self._archive.studies(self._person, study, patient_id, name)

    def outlines(self, films: list[FilmRecord]) -> list[Attributes]:
        """Give what can be said of the films' objects and their results' without making these."""
        own = [self._header(film) for film in films if film.kind == "DICOM"]
        made = (metadata.of_object(item) for film in films for item in self._results.series(self._person, film))
        return [*own, *made, *(one.attributes for one in self._objects(films))]

    def instances(self, films: list[FilmRecord], instance: str | None = None) -> Iterator[Instance]:
        """Give the films' objects and those of their results; of a film that is asked for by its UID, that alone."""
        asked = [film for film in films if instance and film.instance_uid == instance]
        for film in asked or films:
            if own := self._film(film):
                yield own
            for item in self._results.of(self._person, film) if not asked else ():
                data = file_bytes(item)
                yield Instance(metadata.of_object(item), lambda data=data: data)  # type: ignore[misc]
        yield from self._objects(films) if not asked else ()

    def study_attributes(self, instances: list[Attributes], url: str) -> Attributes:
        """Say of a study what it is found by, from the attributes of its instances."""
        first = instances[0]
        study = {tag: first[tag] for tag in (*_OF_STUDY, STUDY) if tag in first}
        study["00080061"] = attribute("CS", *sorted({value(one, MODALITY) for one in instances}))
        study["00081190"] = attribute("UR", f"{url}/studies/{value(first, STUDY)}")
        study["00201206"] = attribute("IS", len({value(one, SERIES) for one in instances}))
        study["00201208"] = attribute("IS", len(instances))
        return {**study, "00080056": attribute("CS", "ONLINE")}

    def series_attributes(self, study: Attributes, instances: list[Attributes]) -> Attributes:
        """Say of a series what it is found by."""
        first = instances[0]
        series = {tag: first[tag] for tag in _OF_SERIES if tag in first}
        series["00201209"] = attribute("IS", len(instances))
        series["00081190"] = attribute("UR", f"{value(study, '00081190')}/series/{value(first, SERIES)}")
        return study | series

    def instance_attributes(self, series: Attributes, one: Attributes) -> Attributes:
        """Say of an instance what it is found by."""
        instance = {tag: one[tag] for tag in _OF_INSTANCE if tag in one}
        instance["00081190"] = attribute("UR", f"{value(series, '00081190')}/instances/{value(one, INSTANCE)}")
        return series | instance

    def _objects(self, films: list[FilmRecord]) -> Iterator[Instance]:
        """Give what is kept beside the films of a DICOM study."""
        uids = {film.study_uid for film in films}
        for study in {film.study_id: film.study for film in films}.values():
            for item in self._studies.objects_of(self._person, study):
                if item.study_uid in uids:
                    attributes = metadata.of_film(self._studies.objects.data(item))
                    yield Instance(attributes, self._studies.objects.loader(item))

    def _film(self, film: FilmRecord) -> Instance | None:
        if film.kind != "DICOM":
            item = self._results.film(self._person, film)
            if item is None:
                return None
            data = file_bytes(item)
            return Instance(metadata.of_object(item), lambda: data)
        return Instance(self._header(film), self._results.original(film))

    def _header(self, film: FilmRecord) -> Attributes:
        attributes = metadata.of_film(self._studies.data(film))
        uids = {STUDY: film.study_uid, SERIES: film.series_uid, INSTANCE: film.instance_uid}
        return attributes | {tag: attribute("UI", uid) for tag, uid in uids.items()}
