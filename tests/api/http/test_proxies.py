"""The client's address is the last one that is not a trusted proxy's."""

from __future__ import annotations

import pytest

from api.http.proxies import TrustedProxies

PROXY, OTHER_PROXY, CLIENT = "10.0.0.5", "10.9.9.9", "203.0.113.7"


def client_of(trusted: str, peer: str | None, *forwarded: str) -> str:
    scope = {
        "type": "http",
        "client": None if peer is None else (peer, 1234),
        "headers": [(b"x-forwarded-for", value.encode("latin-1")) for value in forwarded],
    }
    return TrustedProxies.parse(trusted).client_address(scope)


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded", "client"),
    [
        ("", PROXY, [CLIENT], PROXY),
        ("", "127.0.0.1", [CLIENT], "127.0.0.1"),
        ("10.0.0.0/8", CLIENT, ["1.2.3.4"], CLIENT),
        ("10.0.0.0/8", PROXY, [CLIENT], CLIENT),
        ("10.0.0.5", PROXY, [CLIENT], CLIENT),
        ("10.0.0.0/8", PROXY, [], PROXY),
        ("10.0.0.0/8", PROXY, [f"6.6.6.6, {CLIENT}"], CLIENT),
        ("10.0.0.0/8", PROXY, [f"6.6.6.6, {CLIENT}, {OTHER_PROXY}"], CLIENT),
        ("10.0.0.0/8", PROXY, ["6.6.6.6", CLIENT, OTHER_PROXY], CLIENT),
        ("10.0.0.0/8", PROXY, [OTHER_PROXY], OTHER_PROXY),
        ("10.0.0.0/8", PROXY, ["6.6.6.6, \x1b[2J"], PROXY),
        ("10.0.0.0/8", PROXY, ["unknown"], PROXY),
        ("10.0.0.0/8", PROXY, [""], PROXY),
        ("10.0.0.0/8", PROXY, [f"{CLIENT}:5678"], CLIENT),
        ("10.0.0.0/8,fd00::/8", "fd00::1", ["[2001:db8::1]:443"], "2001:db8::1"),
        ("10.0.0.0/8", "::ffff:10.0.0.5", [f"::ffff:{CLIENT}"], CLIENT),
        ("0.0.0.0/0", None, [CLIENT], ""),
    ],
)
def test_client_is_the_last_address_that_is_not_a_trusted_proxy(
    trusted: str, peer: str | None, forwarded: list[str], client: str
) -> None:
    assert client_of(trusted, peer, *forwarded) == client


@pytest.mark.parametrize("text", ["", " ", "127.0.0.1", " 10.0.0.0/8 , fd00::/8,", "0.0.0.0/0"])
def test_parse_accepts_addresses_and_networks(text: str) -> None:
    TrustedProxies.parse(text)


@pytest.mark.parametrize("text", ["caddy", "*", "10.0.0.1/8", "10.0.0.0/33", "1.2.3.4;5.6.7.8"])
def test_parse_refuses_anything_else_and_names_valid_forms(text: str) -> None:
    with pytest.raises(ValueError, match="expected addresses and networks of proxies"):
        TrustedProxies.parse(text)
