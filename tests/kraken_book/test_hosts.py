"""Hosts of URLs: this machine and others."""

import pytest

from kraken_book.hosts import host_in, is_loopback, listens_on_loopback, parse_address


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "LOCALHOST.", "api.localhost", "127.0.0.1", "127.8.9.10", "0.0.0.0"),
        *("::1", "[::1]", "::", "::ffff:127.0.0.1"),
    ],
)
def test_names_and_addresses_of_this_machine_are_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    ["", "localhost.example.com", "mylocalhost", "10.0.0.1", "fe80::1%eth0", "127.0.0.1.a"],
)
def test_other_hosts_are_not_loopback(host: str) -> None:
    assert not is_loopback(host)


def test_name_is_parsed_as_no_address() -> None:
    assert parse_address("example.com") is None


@pytest.mark.parametrize(
    ("header", "host"),
    [
        *(("localhost:9820", "localhost"), ("[::1]:9820", "[::1]"), ("a.b", "a.b"), ("a:", "a")),
        *(("", None), ("a b", None), ("a:b", None), ("u@a", None), ("::1", None), ("a/b", None)),
    ],
)
def test_host_is_the_name_without_its_port(header: str, host: str | None) -> None:
    assert host_in(header) == host


@pytest.mark.parametrize(
    ("address", "is_local"),
    [
        *(("127.0.0.1", True), ("localhost", True), ("::1", True), ("127.0.0.2", True)),
        *(("0.0.0.0", False), ("::", False), ("10.0.0.1", False), ("db1", False), ("", False)),
    ],
)
def test_only_loopback_is_local(address: str, is_local: bool) -> None:
    assert listens_on_loopback(address) is is_local
