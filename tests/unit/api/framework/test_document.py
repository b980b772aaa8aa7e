from lungwise.api.framework.document import document
from lungwise.api.resources.studies import studies

WRITTEN = document([operation for operation, _ in studies.items], "1.2.3")


def test_every_reference_leads_somewhere() -> None:
    schemas = WRITTEN["components"]["schemas"]
    references = {part.split('"')[0] for part in str(WRITTEN).replace("'", '"').split("#/components/schemas/")[1:]}
    assert references <= set(schemas)


def test_what_may_be_left_out_is_never_null() -> None:
    standing = WRITTEN["components"]["schemas"]["StudySearch"]["properties"]["standing"]
    assert "anyOf" not in standing and "default" not in standing


def test_films_come_in_a_form_or_as_the_whole_body() -> None:
    content = WRITTEN["paths"]["/studies"]["post"]["requestBody"]["content"]
    assert {"multipart/form-data", "image/jpeg", "application/zip"} <= set(content)
    assert content["multipart/form-data"]["schema"]["required"] == ["films"]
