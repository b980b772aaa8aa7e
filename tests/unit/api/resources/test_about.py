from typing import Any

from lungwise.reading.artefact import shipped_card


def test_the_model_is_the_shipped_one(program: Any) -> None:
    model = program.get("/model")
    assert (model["name"], model["version"]) == (shipped_card().name, shipped_card().version)
    assert 0 < model["thresholds"]["lower"] <= model["thresholds"]["upper"] < 1


def test_the_document_is_also_a_page(program: Any) -> None:
    operations = [one for path in program.get("/openapi.json")["paths"].values() for one in path.values()]
    page = program.ask("GET", "/").text
    assert all(f'id="{operation["operationId"]}"' in page for operation in operations)


def test_the_page_says_in_the_readers_language_why_it_is_in_english(program: Any) -> None:
    page = program.ask("GET", "/", headers={"Accept-Language": "fr"}).text
    assert '<html lang="fr">' in page
    assert "Cette référence est en anglais seulement" in page
    assert page.index("Cette référence") < page.index('<div lang="en">') < page.index("<section")
    assert "English only" not in program.ask("GET", "/").text
