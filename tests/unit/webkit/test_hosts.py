from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from conftest import open_app
from lungwise.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import Clock, Visitor
    from lungwise.web_app import Lungwise

PUBLIC = "https://lungwise.example.org"
OTHERS = (
    "evil.example",
    "lungwise.example.org:8443",
    "lungwise.example.org.evil.example",
    "evil@lungwise.example.org",
    "lungwise.example.org@evil.example",
    "lungwise.example.org, evil.example",
    "lungwise.example.org.",
    "127.0.0.1",
    "",
)
PATHS = (
    "/",
    "/sign-in",
    "/password/forgotten",
    "/nothing",
    "/static/style.css",
    "/api/v1/studies",
    "/dicom-web/studies",
)


@pytest.fixture
def opened(settings: Settings, clock: Clock, migrate: Callable[[Settings], None]) -> Iterator[Callable[..., Lungwise]]:
    """Give what opens the application with other settings."""
    apps: list[Iterator[Lungwise]] = []
    migrate(settings)

    def start(**changes: object) -> Lungwise:
        apps.append(open_app(settings.model_copy(update=changes), clock))
        return next(apps[-1])

    yield start
    for app in apps:
        next(app, None)


@pytest.mark.parametrize("host", OTHERS)
def test_a_request_for_another_host_is_refused_everywhere(
    host: str, opened: Callable[..., Lungwise], visit: Callable[..., Visitor]
) -> None:
    client = visit(opened(public_url=PUBLIC)).client
    for path in PATHS:
        for method in ("GET", "POST"):
            answer = client.open(path, method=method, headers={"Host": host})
            assert answer.status_code == 400, f"{method} {path}"
            assert "evil" not in answer.text
            assert "Location" not in answer.headers
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
    for path in ("/healthz", "/readyz"):
        assert client.get(path, headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["lungwise.example.org", "Lungwise.Example.org:443"])
def test_the_public_host_is_served(host: str, opened: Callable[..., Lungwise], visit: Callable[..., Visitor]) -> None:
    client = visit(opened(public_url=PUBLIC)).client
    assert client.get("/welcome", headers={"Host": host}).status_code == 200
    assert client.get("/api/v1/studies", headers={"Host": host}).status_code == 401


def test_behind_a_proxy_the_host_that_it_forwards_counts(
    opened: Callable[..., Lungwise], visit: Callable[..., Visitor]
) -> None:
    client = visit(opened(public_url=PUBLIC, proxies=1)).client

    def status(host: str, forwarded: str) -> int:
        return client.get("/welcome", headers={"Host": host, "X-Forwarded-Host": forwarded}).status_code

    assert status("127.0.0.1:8000", "lungwise.example.org") == 200
    assert status("127.0.0.1:8000", "lungwise.example.org, evil.example") == 400
    assert status("lungwise.example.org", "evil.example") == 400
    unproxied = visit(opened(public_url=PUBLIC)).client
    headers = {"Host": "evil.example", "X-Forwarded-Host": "lungwise.example.org"}
    assert unproxied.get("/welcome", headers=headers).status_code == 400


def test_prometheus_asks_a_process_by_its_own_address(
    opened: Callable[..., Lungwise], visit: Callable[..., Visitor]
) -> None:
    client = visit(opened(public_url=PUBLIC)).client
    answers = {
        host: client.get("/metrics", headers={"Host": host}).status_code for host in ("10.0.0.5:8000", "evil.example")
    }
    assert answers == {"10.0.0.5:8000": 200, "evil.example": 400}


def test_without_a_public_address_any_host_is_served_and_no_redirect_repeats_it(
    opened: Callable[..., Lungwise], visit: Callable[..., Visitor]
) -> None:
    client = visit(opened()).client
    for host in ("10.0.0.7:8000", "evil.example", "evil.example:80"):
        assert client.get("/welcome", headers={"Host": host}).status_code == 200
        for path in ("/", "/studies", "//studies", "/studies//new", "/dicom-web//studies", "//evil.example/%2e%2e"):
            location = client.get(path, headers={"Host": host}).headers.get("Location", "/")
            assert location.startswith("/") and not location.startswith(("//", "/\\")), location


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("", ""),
        ("https://Lungwise.Example.org/", PUBLIC),
        ("http://10.0.0.5:8000", "http://10.0.0.5:8000"),
        ("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443"),
    ],
)
def test_a_public_address_is_kept_without_its_slash(written: str, kept: str) -> None:
    assert Settings(public_url=written).public_url == kept


@pytest.mark.parametrize(
    "wrong",
    [
        "lungwise.example.org",
        "ftp://x",
        "https://",
        "https://x/path",
        "https://x?y",
        "https://a@b",
        "https://x:0",
        "https://a b",
    ],
)
def test_what_is_no_address_of_pages_is_refused(wrong: str) -> None:
    with pytest.raises(ValidationError, match="a scheme and a host"):
        Settings(public_url=wrong)
