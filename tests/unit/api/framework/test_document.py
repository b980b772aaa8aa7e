import re

from lungwise.api.framework.document import document
from lungwise.api.resources.orders import orders
from lungwise.api.resources.reports import reports
from lungwise.api.resources.studies import studies

WHOLE = document([one for resource in (studies, reports, orders) for one, _ in resource.items], "1.2.3")
WRITTEN = document([operation for operation, _ in studies.items], "1.2.3")


def test_every_reference_leads_somewhere() -> None:
    schemas = WRITTEN["components"]["schemas"]
    references = {part.split('"')[0] for part in str(WRITTEN).replace("'", '"').split("#/components/schemas/")[1:]}
    assert references <= set(schemas)


def test_a_409_means_an_idempotency_key_only_where_one_is_taken() -> None:
    operations = [operation for resource in (studies, reports, orders) for operation, _ in resource.items]
    said = {
        operation.name: WHOLE["paths"][re.sub(r"<key:(\w+)>", r"{\1}", operation.rule)][operation.method.lower()]
        for operation in operations
        if 409 in operation.problems
    }
    assert "idempotency key" not in said["get_report_pdf"]["responses"]["409"]["description"]
    for name in ("conclude", "add_reference_result", "describe", "place_order"):
        about = said[name]["responses"]["409"]["description"]
        assert "idempotency key" in about and "contradicts" in about and "changed it first" in about


def test_a_413_speaks_of_more_than_films() -> None:
    about = WRITTEN["paths"]["/studies/{key}/opinions"]["post"]["responses"]["413"]["description"]
    assert "upload" not in about and "texts" in about


def test_what_may_be_left_out_is_never_null() -> None:
    standing = WRITTEN["components"]["schemas"]["StudySearch"]["properties"]["standing"]
    assert "anyOf" not in standing and "default" not in standing


def test_films_come_in_a_form_or_as_the_whole_body() -> None:
    content = WRITTEN["paths"]["/studies"]["post"]["requestBody"]["content"]
    assert {"multipart/form-data", "image/jpeg", "application/zip"} <= set(content)
    assert content["multipart/form-data"]["schema"]["required"] == ["films"]
