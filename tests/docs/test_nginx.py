"""The files for nginx let large bodies through to the addresses that take films, and to no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lungwise.api.app import PREFIX as API
from lungwise.api.resources.films import films
from lungwise.api.resources.patients import patients
from lungwise.api.resources.reports import reports
from lungwise.api.resources.studies import studies
from lungwise.cli.bootstrap import make_reader
from lungwise.dicomweb.app import PREFIX as DICOMWEB
from lungwise.settings import Settings
from lungwise.web_app import create_app
from lungwise.webkit.bodies import SMALL

FILES = sorted((Path(__file__).parents[2] / "deploy").glob("*/nginx.conf"))
EXAMPLES = {"key": "0123456789abcdef0123", "study": "1.2.3", "filename": "style.css", "token": "abc"}


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bool]:
    """Every address, and whether it takes films."""
    app = create_app(Settings(data_folder=tmp_path_factory.mktemp("data")), make_reader)
    app.database.close()
    taking = {f"{API}{one.rule}" for room in (films, patients, reports, studies) for one, _ in room.items if one.fields}
    found: dict[str, bool] = {}
    for prefix, part in (("", app), (API, app.api), (DICOMWEB, app.dicomweb)):
        for rule in part.url_map.iter_rules():
            takes = hasattr(part.view_functions[rule.endpoint], "takes_films") or f"{prefix}{rule.rule}" in taking
            takes = takes or rule.endpoint == "dicomweb.store"
            address = prefix + re.sub(r"<(?:\w+:)?(\w+)>", lambda name: EXAMPLES.get(name[1], "1"), rule.rule)
            found[address] = found.get(address, False) or takes
    return found


def blocks() -> list[str]:
    assert len(FILES) == 2
    return [file.read_text(encoding="utf-8") for file in FILES]


@pytest.mark.parametrize("block", blocks())
def test_large_bodies_reach_the_addresses_of_films_alone(block: str, addresses: dict[str, bool]) -> None:
    films_alone = re.compile(re.findall(r"location ~ (\S+) \{", block)[0])
    assert sum(addresses.values()) >= 6
    for address, takes_films in addresses.items():
        assert bool(films_alone.search(address)) is takes_films, address


@pytest.mark.parametrize("block", blocks())
def test_the_bounds_are_those_of_the_application(block: str) -> None:
    sizes = re.findall(r"client_max_body_size (\d+)([km]);", block)
    assert sizes == [(str(SMALL >> 10), "k"), (str(Settings.model_fields["upload_megabytes"].default), "m")]


@pytest.mark.parametrize("block", blocks())
def test_the_log_holds_neither_paths_nor_searches(block: str) -> None:
    (form,) = re.findall(r"log_format lungwise '([^']*)';", block)
    named = set(re.findall(r"\$(\w+)", form))
    assert named.isdisjoint({"request", "request_uri", "uri", "document_uri", "args", "query_string", "http_referer"})
    serving = [server for server in re.split(r"^server \{", block, flags=re.MULTILINE) if "server_name" in server]
    assert all(re.findall(r"access_log \S+ (\w+);", server) == ["lungwise"] for server in serving)
