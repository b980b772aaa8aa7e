from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from dicom_files import dicom_file
from lungwise.api.identifier_schemas import Identifier
from lungwise.studies.identifiers import IdentifierKind
from synthetic_films import chest_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

UIDS = {"StudyInstanceUID": "1.2.3", "SeriesInstanceUID": "1.2.3.4", "SOPInstanceUID": "1.2.3.4.5"}


def test_an_identifier_names_what_a_study_or_a_film_has() -> None:
    assert set(get_args(Identifier.model_fields["kind"].annotation)) == {kind.value for kind in IdentifierKind}


def test_a_study_and_a_film_are_named_as_the_hospital_names_them(program: Any, film: Callable[..., bytes]) -> None:
    study = program.upload(dicom_file(chest_bytes(), AccessionNumber="A-17", **UIDS))

    def named(thing: Any) -> list[tuple[str, str, str]]:
        return [(one["kind"], one["system"], one["value"]) for one in thing["identifiers"]]

    order = ("accession", "urn:lungwise:accession", "A-17")
    of_study = [order, ("study", "urn:dicom:uid", "urn:oid:1.2.3")]
    below = [("series", "urn:dicom:uid", "urn:oid:1.2.3.4"), ("instance", "urn:dicom:uid", "urn:oid:1.2.3.4.5")]
    assert named(study) == of_study
    assert named(program.get(f"/films/{study['films'][0]['key']}")) == [*of_study, *below]
    assert [kind for kind, _system, _value in named(program.upload(film(1)))] == ["study"]  # its own, of Lungwise
