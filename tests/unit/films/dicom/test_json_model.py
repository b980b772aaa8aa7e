from lungwise.films.dicom.json_model import attribute, header_attributes, value


def test_a_value_is_the_first_as_text() -> None:
    attributes = {"00100010": {"vr": "PN", "Value": [{"Alphabetic": "Rao^Asha"}]}, "00200013": attribute("IS", 7)}
    assert [value(attributes, tag) for tag in ("00100010", "00200013", "00080050")] == ["Rao^Asha", "7", ""]


def test_what_is_no_dicom_has_no_attributes() -> None:
    assert header_attributes(b"DICM" * 3) == {}
