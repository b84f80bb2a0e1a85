"""Hosts of URLs: this machine and others."""

import pytest

from kraken_book.hosts import is_loopback, parse_address


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
