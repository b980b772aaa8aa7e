from lungwise.dicom.storage import OBJECT_CLASSES, STORAGE_CLASSES


def test_a_class_is_of_films_or_of_other_objects() -> None:
    assert not set(STORAGE_CLASSES) & set(OBJECT_CLASSES)
    assert all(uid.is_valid for uid in (*STORAGE_CLASSES, *OBJECT_CLASSES))
