from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.test import create_environ, run_wsgi_app
from werkzeug.wrappers import Request, Response

from lungwise.webkit.client_address import ProxyEntries

CLIENT, FIRST, SECOND = "198.51.100.7", "10.0.0.1", "10.0.0.2"


@Request.application
def whoami(request: Request) -> Response:
    return Response(request.remote_addr or "")


def seen(proxies: int, header: str, peer: str) -> str:
    environ = create_environ(headers={"X-Forwarded-For": header}, environ_base={"REMOTE_ADDR": peer})
    body, _status, _headers = run_wsgi_app(ProxyEntries(ProxyFix(whoami, x_for=proxies), proxies), environ)
    return b"".join(body).decode()


FORGED = st.one_of(
    st.sampled_from(["", "127.0.0.1", '"', '"127.0.0.1', "a, b", ",,,", '127.0.0.1, "', 'x\\", "']),
    st.text(st.characters(codec="latin-1", exclude_categories=["Cc"])),
)


@given(FORGED)
def test_behind_one_proxy_that_adds_to_the_header_nobody_forges_an_address(forged: str) -> None:
    assert seen(1, f"{forged}, {CLIENT}", FIRST) == CLIENT


@given(FORGED)
def test_behind_two_proxies_that_add_to_the_header_nobody_forges_an_address(forged: str) -> None:
    assert seen(2, f"{forged}, {CLIENT}, {FIRST}", SECOND) == CLIENT


def test_behind_a_proxy_that_writes_the_header_anew_it_is_believed() -> None:
    assert seen(1, CLIENT, FIRST) == CLIENT


@pytest.mark.parametrize("header", ["", CLIENT, '"', "unknown, unknown"])
def test_where_the_proxies_said_too_little_the_request_is_the_last_ones(header: str) -> None:
    assert seen(2, header, SECOND) == SECOND


@pytest.mark.parametrize(
    ("entry", "address"),
    [("198.51.100.7:51312", CLIENT), ("[2001:db8::7]:51312", "2001:db8::7"), ("[2001:db8::7]", "2001:db8::7")],
)
def test_a_port_is_no_part_of_the_address(entry: str, address: str) -> None:
    assert seen(1, entry, FIRST) == address


@given(FORGED, st.integers(1, 3))
def test_what_is_taken_is_always_an_address(header: str, proxies: int) -> None:
    ip_address(seen(proxies, header, FIRST))  # or it raises
