"""The key set at an address: when it is fetched, and what happens if it cannot be."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from api.access.permission import Denied
from api.access.remote_keys import UNKNOWN_KEY_INTERVAL, RemoteKeys
from api.access.tokens import Tokens
from api.store.errors import IssuerAway
from tests.api.access.written_keys import token

KEYS = {name: ec.generate_private_key(ec.SECP256R1()) for name in ("old", "new")}


class Issuer:
    """Answers like an issuer, and counts the requests."""

    def __init__(self) -> None:
        self.asked = 0
        self.now = 1000.0
        self.keys = ["old"]
        self.fault: httpx.Response | Exception | None = None
        self.client = httpx.AsyncClient(transport=httpx.MockTransport(self._answer))
        self.remote = RemoteKeys("https://issuer/jwks", self.client, lambda: self.now, timeout=0.2)
        self.tokens = Tokens(self.remote, "books")

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        assert request.headers["Accept-Encoding"] == "identity"
        await asyncio.sleep(0)
        if isinstance(self.fault, Exception):
            raise self.fault
        return self.fault or httpx.Response(200, content=parts(self.key_set()))

    def key_set(self) -> bytes:
        algorithm = jwt.get_algorithm_by_name("ES256")
        found = [json.loads(algorithm.to_jwk(KEYS[name].public_key())) for name in self.keys]
        named = [{**key, "kid": name} for key, name in zip(found, self.keys, strict=True)]
        return json.dumps({"keys": named}).encode()


def signed(name: str, key_id: str | None = None) -> str:
    """Return a token with the signature of a key."""
    claims = jwt.decode(token(), options={"verify_signature": False})
    return jwt.encode(claims, KEYS[name], "ES256", headers={"kid": key_id or name})


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    issuer = Issuer()
    yield issuer
    await issuer.client.aclose()


async def test_set_is_fetched_once_for_many_requests(issuer: Issuer) -> None:
    found = await asyncio.gather(*(issuer.tokens.permission(signed("old")) for _ in range(20)))
    assert {each.name for each in found} == {"token:desk"}
    assert issuer.asked == 1


async def test_new_key_is_found_and_unknown_keys_cause_few_requests(issuer: Issuer) -> None:
    await issuer.tokens.permission(signed("old"))
    issuer.keys = ["old", "new"]
    with pytest.raises(Denied):
        await issuer.tokens.permission(signed("new"))
    issuer.now += UNKNOWN_KEY_INTERVAL
    await issuer.tokens.permission(signed("new"))
    for number in range(20):
        with pytest.raises(Denied):
            await issuer.tokens.permission(signed("new", f"made-up-{number}"))
    assert issuer.asked == 2


async def test_key_that_left_the_set_ends_the_permissions_of_its_tokens(issuer: Issuer) -> None:
    old = await issuer.tokens.permission(signed("old"))
    issuer.keys = ["new"]
    issuer.now += UNKNOWN_KEY_INTERVAL
    assert issuer.tokens.is_in_force(old)
    new = await issuer.tokens.permission(signed("new"))
    assert [issuer.tokens.is_in_force(each) for each in (old, new)] == [False, True]
    with pytest.raises(Denied, match="signed by an unknown key"):
        await issuer.tokens.check(old)


async def test_ticket_of_a_token_waits_for_the_keys_of_its_issuer(issuer: Issuer) -> None:
    other = Issuer()
    permission = await other.tokens.permission(signed("old"))
    await other.client.aclose()
    issuer.fault = httpx.ConnectError("refused")
    with pytest.raises(IssuerAway):
        await issuer.tokens.check(permission)
    issuer.fault = None
    issuer.now += UNKNOWN_KEY_INTERVAL
    await issuer.tokens.check(permission)
    assert issuer.asked == 2


async def parts(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def endless() -> AsyncIterator[bytes]:
    while True:
        yield b" " * 10_000


async def silent() -> AsyncIterator[bytes]:
    yield b"{"
    await asyncio.Event().wait()


FAULTS: dict[str, Callable[[], httpx.Response | Exception]] = {
    "unreachable": lambda: httpx.ConnectError("refused"),
    "error": lambda: httpx.Response(500),
    "redirect": lambda: httpx.Response(302, headers={"Location": "https://other/"}),
    "no set": lambda: httpx.Response(200, content=parts(b"{}")),
    "too large": lambda: httpx.Response(200, content=endless()),
    "silent": lambda: httpx.Response(200, content=silent()),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_old_keys_stay_while_the_issuer_is_away(issuer: Issuer, fault: str) -> None:
    await issuer.tokens.permission(signed("old"))
    issuer.fault = FAULTS[fault]()
    issuer.now += UNKNOWN_KEY_INTERVAL
    with pytest.raises(Denied):
        await issuer.tokens.permission(signed("new"))
    assert (await issuer.tokens.permission(signed("old"))).name == "token:desk"
    assert issuer.asked == 2


@pytest.mark.parametrize("fault", FAULTS)
async def test_before_the_first_set_a_token_is_neither_valid_nor_invalid(
    issuer: Issuer, fault: str
) -> None:
    issuer.fault = FAULTS[fault]()
    for _ in range(3):
        with pytest.raises(IssuerAway) as caught:
            await issuer.tokens.permission(signed("old"))
    assert caught.value.is_passing
    assert issuer.asked == 1
