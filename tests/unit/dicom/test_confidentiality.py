from pydicom.datadict import tag_for_keyword

from lungwise.dicom.confidentiality import EMPTIED, KEPT, REPLACED_UIDS


def test_every_attribute_is_dicoms_and_has_one_action() -> None:
    names = [*KEPT, *REPLACED_UIDS, *EMPTIED]
    assert [name for name in names if tag_for_keyword(name) is None] == []
    assert len(set(names)) == len(names)


def test_nothing_that_names_a_person_is_kept() -> None:
    assert not [name for name in KEPT if name.startswith("Patient") and name[7:] in ("Name", "ID", "BirthDate", "Age")]
    assert (
        not [name for name in KEPT if name.endswith(("Name", "Comments", "Description"))]
        or {"ManufacturerModelName"} <= KEPT
    )
