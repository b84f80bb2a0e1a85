"""Hosts, origins and the root path are parsed from settings."""

from __future__ import annotations

import re

import pytest
from starlette.routing import Mount, Route

from api.http.web_settings import ROUTE_NAMES, AllowedHosts, CorsOrigins, parse_root_path
from tests.api.replica import Replica

HOSTS = AllowedHosts.parse("books.example.com, *.Example.org,10.0.0.0/8,[2001:db8::1]")


@pytest.mark.parametrize(
    "host",
    [
        *("books.example.com", "BOOKS.example.com:8443", "books.example.com.", "a.b.example.org:1"),
        *("10.1.2.3", "10.1.2.3:3000", "[2001:db8::1]:80"),
        # This machine: health checks.
        *("localhost", "LOCALHOST:3000", "api.localhost", "127.0.0.1:3000", "127.9.9.9"),
        *("[::1]", "[::1]:3000", "[::ffff:127.0.0.1]"),
    ],
)
def test_listed_host_with_any_port_is_allowed(host: str) -> None:
    assert HOSTS.allows(host)


@pytest.mark.parametrize(
    "host",
    [
        *("evil.com", "example.org", "evilexample.org", "books.example.com.evil.com", "11.0.0.1"),
        *(
            "localhost.evil.com",
            "localhost@evil.com",
            "evil.com:80:localhost",
            "evil.com/localhost",
        ),
        *("", ":3000", "[::1", "::1", "localhost:123456", "local host", "127.0.0.1.evil.com"),
        *("localhost#", "[::2]", "xn--localhost-", "localhost\t"),
    ],
)
def test_other_host_is_not_allowed(host: str) -> None:
    assert not HOSTS.allows(host)


@pytest.mark.parametrize(
    "text",
    [
        "https://books.example.com",
        "books.example.com:443",
        "*.*.com",
        "10.0.0.1/8",
        "a b",
        ",",
        "ä",
    ],
)
def test_invalid_hosts_are_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"such as books\.example\.com"):
        AllowedHosts.parse(text)


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://App.example.com", "https://app.example.com"),
        ("https://app.example.com:443", "https://app.example.com"),
        ("http://localhost:80,", "http://localhost"),
        ("https://app.example.com:80", "https://app.example.com:80"),
        ("http://[::1]:5173", "http://[::1]:5173"),
    ],
)
def test_origin_is_stored_as_browsers_write_it(text: str, origin: str) -> None:
    assert CorsOrigins.parse(text).exact == {origin}


@pytest.mark.parametrize(
    ("origin", "matches"),
    [
        ("https://a.example.org", True),
        ("https://a.b.example.org", True),
        ("https://example.org", False),
        ("http://a.example.org", False),
        ("https://a.example.org:444", False),
        ("https://a.exampleXorg", False),
        ("https://evil.com/.example.org", False),
        ("https://a.example.org.evil.com", False),
    ],
)
def test_wildcard_origin_means_subdomains(origin: str, matches: bool) -> None:
    pattern = CorsOrigins.parse("https://*.example.org").pattern
    assert pattern is not None
    assert bool(re.fullmatch(pattern, origin)) is matches


@pytest.mark.parametrize(
    "text",
    [
        *("app.example.com", "https://app.example.com/", "https://app.example.com/x", "null"),
        *("https://*", "https://a.*.com", "ftp://a.com", "https://u@a.com", "https://a.com:", ","),
        *("https://a.com:99999", "https://a.com?x", "https://a b.com"),
    ],
)
def test_invalid_origins_are_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"such as https://app\.example\.com"):
        CorsOrigins.parse(text)


@pytest.mark.parametrize(
    ("text", "root"), [("/kraken", "/kraken"), ("/a/b.c/", "/a/b.c"), ("/", ""), ("", "")]
)
def test_root_path_has_no_slash_at_its_end(text: str, root: str) -> None:
    assert parse_root_path(text) == root


@pytest.mark.parametrize("text", ["kraken", "//evil.com", "/a b", "/../x", "/a//b", "/%41", "/é"])
def test_invalid_root_path_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="such as /kraken"):
        parse_root_path(text)


@pytest.mark.parametrize("text", ["/books", "/depth/x", "/page"])
def test_root_path_like_a_route_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not one of the api's own"):
        parse_root_path(text)


def test_route_names_are_those_of_all_routes(replica: Replica) -> None:
    paths = [route.path for route in replica.routes if isinstance(route, Route | Mount)]
    served = {path.split("/")[1] for path in paths}
    assert served == ROUTE_NAMES
