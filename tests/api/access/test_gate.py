"""Requests with and without a key, a token or a ticket, and what each may see."""

from __future__ import annotations

import re
from dataclasses import replace
from time import time
from typing import Any

import httpx
import pytest

from api.access.key_file import KeyFile
from api.access.permission import Permission
from api.access.tickets import Tickets
from api.access.tokens import OneSecret, Tokens
from api.http.declared import Operation
from api.http.operations import OPERATIONS
from kraken_book.access_keys import digest_of
from lab.written_books import snapshot
from runtime.redis.exchange import RedisNode
from tests.api.access.written_keys import SECRET, WrittenKeys, bearer, token
from tests.api.http.problem_check import assert_problem
from tests.api.replica import EPOCH, Written

# Longer than the whole suite takes: it is made when the tests are collected.
TOKEN = token(exp=time() + 3600)

pytestmark = pytest.mark.usefixtures("two_books")


def target_of(path: str) -> str:
    return path.replace("{symbol:path}", "BTC/USD").replace("{pair:path}", "BTC/USD")


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.id)
async def test_only_public_routes_answer_without_a_key(
    client: httpx.AsyncClient, operation: Operation
) -> None:
    answer = await client.request(operation.method, target_of(operation.path))
    if operation.is_public:
        assert answer.status_code == 200
    else:
        body = assert_problem(answer, 401, "key-missing")
        assert "Authorization: Bearer <key>" in body["detail"]
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="kraken-book"'


@pytest.mark.parametrize("path", ["/nowhere", "/depth", "/symbols/x"])
async def test_unknown_paths_need_a_key_too(client: httpx.AsyncClient, path: str) -> None:
    assert_problem(await client.get(path), 401, "key-missing")
    assert_problem(await client.get(path, headers=bearer("kb_all")), 404, "no-such-route")


@pytest.mark.parametrize("path", ["//books", "/./books", "/page/../books", "/page//../../books"])
async def test_no_spelling_of_a_path_leads_around_the_gate(
    client: httpx.AsyncClient, path: str
) -> None:
    raw = httpx.Request("GET", "http://replica/")
    raw.url = httpx.URL("http://replica").copy_with(raw_path=path.encode())
    answer = await client.send(raw)
    # A redirect to the plain path, which needs a key.
    assert answer.status_code in {308, 401, 404}
    assert "BTC" not in answer.text


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("Bearer kb_nobody", "key-unknown"),
        ("Bearer kb_old", "key-expired"),
        ("Bearer", "key-unknown"),
        ("Bearer ", "key-unknown"),
        ("Basic a2I6a2I=", "key-missing"),
        ("kb_all", "key-missing"),
        ("Bearer kb_all kb_all", "key-unknown"),
        ("Bearer kb_ALL", "key-unknown"),
        (f"Bearer {digest_of('kb_all')}", "key-unknown"),
        ("Bearer " + "k" * 10_000, "key-unknown"),
        (b"Bearer kb_\xff\xfe", "key-unknown"),
    ],
)
async def test_invalid_key_is_a_401_that_does_not_repeat_it(
    client: httpx.AsyncClient, header: str | bytes, code: str
) -> None:
    raw = header if isinstance(header, bytes) else header.encode()
    answer = await client.get("/symbols", headers={b"Authorization": raw})
    body = assert_problem(answer, 401, code)
    assert "kb_" not in body["detail"]
    # RFC 6750: without a credential of this kind there is no error code.
    has_error = answer.headers["WWW-Authenticate"].endswith('error="invalid_token"')
    assert has_error is (code != "key-missing")


@pytest.mark.parametrize(
    ("credential", "name"), [("kb_btc", "btc"), (TOKEN, "token:desk"), ("kb_nobody", None)]
)
async def test_log_names_the_caller_of_a_request(
    client: httpx.AsyncClient,
    capsys: pytest.CaptureFixture[str],
    credential: str,
    name: str | None,
) -> None:
    capsys.readouterr()
    await client.get("/symbols", headers=bearer(credential))
    written = capsys.readouterr().out
    assert "path=/symbols" in written
    assert re.findall(r"caller=(\S+)", written) == ([] if name is None else [name])
    assert credential not in written


async def test_two_keys_in_one_request_are_refused(client: httpx.AsyncClient) -> None:
    headers = [("Authorization", "Bearer kb_all"), ("Authorization", "Bearer kb_btc")]
    body = assert_problem(await client.get("/symbols", headers=headers), 401, "key-unknown")
    assert body["detail"] == "there is more than one Authorization header"


async def test_own_key_without_the_prefix_is_found_beside_tokens(
    client: httpx.AsyncClient, keys: WrittenKeys, key_file: KeyFile
) -> None:
    for own in ("my own key", "three.part.key"):
        keys.add_own(own.replace(" ", "-"), own)
        key_file.check()
        assert (await client.get("/symbols", headers=bearer(own))).status_code == 200


async def test_scheme_is_case_insensitive(client: httpx.AsyncClient) -> None:
    answer = await client.get("/symbols", headers={"Authorization": "bEARER kb_all"})
    assert answer.status_code == 200


@pytest.mark.parametrize("credential", ["kb_btc", TOKEN])
async def test_what_a_key_may_not_see_does_not_exist(
    client: httpx.AsyncClient, credential: str
) -> None:
    headers = bearer(credential)
    assert (await client.get("/symbols", headers=headers)).json() == ["BTC/USD"]
    rows = (await client.get("/books", headers=headers)).json()
    assert [row["symbol"] for row in rows] == ["BTC/USD"]
    assert (await client.get("/depth/BTC/USD", headers=headers)).status_code == 200
    for path in (
        *("/depth/ETH/USD", "/events/ETH/USD", "/stream/ETH/USD"),
        "/stream?symbols=BTC/USD,ETH/USD",
    ):
        hidden = await client.get(path, headers=headers)
        body = assert_problem_of_path(hidden, path)
        # The same answer as for a symbol that does not exist.
        unknown = await client.get(path.replace("ETH", "EZH"), headers=headers)
        assert body["detail"] == unknown.json()["detail"].replace("EZH", "ETH")
        assert body["symbols"] == unknown.json()["symbols"]
        assert "ETH/USD" not in body["symbols"]


def assert_problem_of_path(answer: httpx.Response, path: str) -> dict[str, Any]:
    assert answer.status_code == 404, path
    body: dict[str, Any] = answer.json()
    assert body["type"] == "urn:kraken-book:unknown-symbol"
    return body


async def test_key_without_any_present_symbol_sees_empty_lists(
    client: httpx.AsyncClient, keys: WrittenKeys, key_file: KeyFile
) -> None:
    keys.add("sol", symbols="SOL/*")
    key_file.check()
    headers = bearer("kb_sol")
    answer = await client.get("/symbols", headers=headers)
    assert (answer.json(), answer.headers["X-Book-Source"]) == ([], "none")
    assert (await client.get("/books", headers=headers)).json() == []


async def test_metrics_need_a_key_for_all_symbols(client: httpx.AsyncClient) -> None:
    assert (await client.get("/metrics", headers=bearer("kb_all"))).status_code == 200
    answer = await client.get("/metrics", headers=bearer("kb_btc"))
    assert_problem(answer, 403, "key-forbids")
    assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]


async def ticket_of(client: httpx.AsyncClient, credential: str) -> str:
    answer = await client.post("/tickets", headers=bearer(credential))
    assert answer.status_code == 201
    assert answer.headers["Cache-Control"] == "no-store"
    body = answer.json()
    assert body["expires_in"] == 60
    ticket: str = body["ticket"]
    return ticket


async def test_ticket_opens_one_stream_with_the_permission_of_its_key(
    client: httpx.AsyncClient,
) -> None:
    ticket = await ticket_of(client, "kb_btc")
    assert (await client.head(f"/stream/BTC/USD?ticket={ticket}")).status_code == 200
    again = await client.get(f"/stream/BTC/USD?ticket={ticket}")
    body = assert_problem(again, 401, "key-unknown")
    assert "POST /tickets" in body["detail"]
    assert ticket not in again.text
    ticket = await ticket_of(client, "kb_btc")
    assert (await client.get(f"/stream/ETH/USD?ticket={ticket}")).status_code == 404


@pytest.mark.parametrize("is_checked", [True, False], ids=["file read", "file not read yet"])
async def test_ticket_of_a_revoked_key_opens_nothing(
    client: httpx.AsyncClient,
    keys: WrittenKeys,
    key_file: KeyFile,
    tickets: Tickets,
    *,
    is_checked: bool,
) -> None:
    ticket = await ticket_of(client, "kb_btc")
    keys.revoke("btc")
    key_file.check()
    assert_problem(await client.get(f"/stream/BTC/USD?ticket={ticket}"), 401, "key-unknown")
    # A replica that has not read the new file yet opens the ticket of a new key too.
    keys.add("new")
    if is_checked:
        key_file.check()
    other = Permission("new", key_digest=digest_of("kb_new"))
    ticket = await tickets.issue(other)
    assert (await client.head(f"/stream/BTC/USD?ticket={ticket}")).status_code == 200


async def test_ticket_of_a_token_ends_with_the_token(
    client: httpx.AsyncClient, tickets: Tickets
) -> None:
    desk = await Tokens(OneSecret(SECRET), "books").permission(TOKEN)
    ticket = await tickets.issue(replace(desk, expires_at=time() - 1))
    assert_problem(await client.get(f"/stream/BTC/USD?ticket={ticket}"), 401, "key-expired")
    ticket = await tickets.issue(desk)
    assert (await client.head(f"/stream/BTC/USD?ticket={ticket}")).status_code == 200


async def test_ticket_of_a_token_with_a_key_that_is_gone_opens_nothing(
    client: httpx.AsyncClient, tickets: Tickets
) -> None:
    other = b"fedcba9876543210fedcba9876543210"
    gone = await Tokens(OneSecret(other), "books").permission(token(other))
    ticket = await tickets.issue(gone)
    assert_problem(await client.get(f"/stream/BTC/USD?ticket={ticket}"), 401, "key-unknown")


async def test_ticket_counts_on_streams_only(client: httpx.AsyncClient) -> None:
    ticket = await ticket_of(client, "kb_all")
    for path in ("/depth/BTC/USD", "/symbols", "/books", "/metrics"):
        assert_problem(await client.get(f"{path}?ticket={ticket}"), 401, "key-missing")
    answer = await client.post(f"/tickets?ticket={ticket}")
    assert_problem(answer, 401, "key-missing")


async def test_redis_has_only_the_digest_of_a_ticket_and_forgets_it(
    client: httpx.AsyncClient, redis: RedisNode
) -> None:
    ticket = await ticket_of(client, "kb_btc")
    key = f"kraken-book:ticket:{digest_of(ticket)}"
    stored = await redis.get(key)
    assert stored is not None
    assert ticket.encode() not in stored
    assert b"kb_" not in stored
    assert 0 < await redis.ttl(key) <= 60


@pytest.mark.parametrize("ticket", ["", "x", "kbt_", "kbt_" + "x" * 43, "kbt_" + "x" * 5000])
async def test_wrong_ticket_is_a_401(client: httpx.AsyncClient, ticket: str) -> None:
    answer = await client.get(f"/stream/BTC/USD?ticket={ticket}")
    assert_problem(answer, 401, "key-unknown")


@pytest.mark.parametrize("stored", [b"{", b'{"name":"\xff"}'])
async def test_damaged_ticket_in_redis_is_a_401(
    client: httpx.AsyncClient, redis: RedisNode, stored: bytes
) -> None:
    await redis.set(f"kraken-book:ticket:{digest_of('kbt_x')}", stored)
    assert_problem(await client.get("/stream/BTC/USD?ticket=kbt_x"), 401, "key-unknown")


async def test_best_prices_are_those_of_visible_venues(
    client: httpx.AsyncClient, written: Written
) -> None:
    await written.symbol("coinbase:BTC/USD")
    await written.book(EPOCH, snapshot(9), symbol="coinbase:BTC/USD")
    for key, venues in (("kb_all", ["kraken", "coinbase"]), ("kb_btc", ["kraken"])):
        body = (await client.get("/best/BTC/USD", headers=bearer(key))).json()
        assert [each["venue"] for each in body["venues"]] == venues
        assert body["best"]["bid"]["venue"] == venues[-1]
    answer = await client.get("/best/ETH/USD", headers=bearer("kb_btc"))
    assert assert_problem(answer, 404, "unknown-symbol")["symbols"] == []


async def test_ticket_opens_a_stream_of_best_prices_but_not_their_answer(
    client: httpx.AsyncClient,
) -> None:
    async def ticket() -> str:
        answer = await client.post("/tickets", headers=bearer("kb_all"))
        return str(answer.json()["ticket"])

    path = "/best/BTC/USD/stream"
    assert (await client.head(f"{path}?ticket={await ticket()}")).status_code == 200
    assert_problem(await client.get(f"{path}?ticket=kbt_none"), 401, "key-unknown")
    answer = await client.get(f"/best/BTC/USD?ticket={await ticket()}")
    assert_problem(answer, 401, "key-missing")
