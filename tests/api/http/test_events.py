"""/events: the events that a stream still holds, page by page, in bounded work."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest

from api.http.routes import Site
from kraken_book.contract.keys import events_key
from kraken_book.timestamps import rfc3339
from lab.redis_reads import entries_at
from lab.written_books import snapshot, status, update, updates
from runtime.redis.exchange import RedisNode
from tests.api.http.problem_check import assert_problem
from tests.api.replica import EPOCH, Replica, Written

PATH = "/events/BTC/USD"
KEY = events_key("BTC/USD")


async def pages(
    client: httpx.AsyncClient, query: str = "", most: int = 100
) -> list[dict[str, Any]]:
    """Return the page of `query` and all that follow it."""
    found = []
    url = f"{PATH}{query}"
    for _ in range(most):
        answer = await client.get(url)
        assert answer.status_code == 200, answer.text
        found.append(answer.json())
        following = found[-1]["next"]
        linked = answer.links.get("next", {}).get("url")
        assert following == linked
        if following is None:
            return found
        url = urljoin(str(answer.url), following)
    raise AssertionError(f"more than {most} pages")


def ids_in(found: list[dict[str, Any]]) -> list[str]:
    return [each["id"] for page in found for each in page["events"]]


async def entry(redis: RedisNode, entry_id: str, **fields: str | int) -> None:
    """Add an entry, of this or of any other form."""
    await redis.xadd(KEY, dict(fields), id=entry_id)  # type: ignore[arg-type]


@pytest.fixture
async def five(written: Written) -> list[str]:
    """Write a book with five events; return their ids."""
    await written.symbol("BTC/USD")
    await written.book(EPOCH, snapshot(1), *updates(2, 5))
    return await written.ids()


async def test_page_has_the_events_as_they_are_in_redis(
    client: httpx.AsyncClient, written: Written, five: list[str]
) -> None:
    answer = await client.get(PATH)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["x-book-source"] == "simulated"
    page = answer.json()
    assert {name: page[name] for name in page if name != "events"} == {
        "symbol": "BTC/USD",
        "first_id": five[0],
        "last_id": five[4],
        "is_trimmed": False,
        "next": None,
    }
    assert ids_in([page]) == five
    for (entry_id, fields), event in zip(
        await entries_at(written.redis, KEY), page["events"], strict=True
    ):
        milliseconds = int(entry_id.partition(b"-")[0])
        assert event["time"] == rfc3339(milliseconds * 1_000_000)
        # Byte for byte, not only as values.
        assert b'"event":%b}' % fields[b"data"] in answer.content


@pytest.mark.parametrize("limit", [1, 2, 4, 5, 6])
async def test_next_leads_through_all_events_once(
    client: httpx.AsyncClient, five: list[str], limit: int
) -> None:
    found = await pages(client, f"?limit={limit}")
    assert ids_in(found) == five
    assert [len(page["events"]) for page in found[:-1]] == [limit] * (len(found) - 1)
    assert len(found) == -(-5 // limit), "no page is empty"
    assert not any(page["is_trimmed"] for page in found)


async def test_ndjson_has_the_same_events_and_headers_for_the_rest(
    client: httpx.AsyncClient, five: list[str]
) -> None:
    page = (await client.get(f"{PATH}?limit=3")).json()
    lines = await client.get(f"{PATH}?limit=3&format=ndjson")
    assert lines.headers["content-type"] == "application/x-ndjson"
    assert lines.text.endswith("\n")
    assert [json.loads(line) for line in lines.text.splitlines()] == page["events"]
    assert lines.headers["x-events-first-id"] == five[0]
    assert lines.headers["x-events-last-id"] == five[4]
    assert lines.headers["x-events-trimmed"] == "false"
    assert lines.links["next"]["url"] == f"?after={five[2]}&limit=3&format=ndjson"
    rest = await client.get(urljoin(str(lines.url), lines.links["next"]["url"]))
    assert [json.loads(line)["id"] for line in rest.text.splitlines()] == five[3:]
    assert "link" not in rest.headers


@pytest.fixture
async def timed(redis: RedisNode, written: Written) -> list[str]:
    """Write events in three milliseconds, two of them in one; return their ids."""
    await written.symbol("BTC/USD")
    ids = ["1785638131000-1", "1785638131001-2", "1785638131001-3", "1785638131002-4"]
    for seq, entry_id in enumerate(ids, 1):
        event = update(seq).entry(EPOCH)
        data = event.data.decode()
        await entry(redis, entry_id, kind="update", seq=seq, epoch=EPOCH, data=data)
    return ids


@pytest.mark.parametrize(
    ("query", "seqs"),
    [
        ("from=1785638131001", [2, 3, 4]),
        ("from=1785638131001-2", [2, 3, 4]),
        ("from=1785638131001-3", [3, 4]),
        ("after=1785638131001-2", [3, 4]),
        ("after=1785638131002-4", []),
        ("to=1785638131001", [1, 2, 3]),
        ("to=1785638131001-2", [1, 2]),
        ("from=1785638131001&to=1785638131001", [2, 3]),
        ("after=1785638131000-1&to=1785638131001", [2, 3]),
        ("from=2026-08-02T02:35:31.001Z", [2, 3, 4]),
        ("from=2026-08-02T02:35:31.001999Z", [2, 3, 4]),
        ("to=2026-08-02t04:35:31.001%2B02:00", [1, 2, 3]),
        # curl sends this `+` as a space, if nobody encodes it
        ("to=2026-08-02T04:35:31.001+02:00", [1, 2, 3]),
        ("to=2026-08-02 00:35:31.001-02:00", [1, 2, 3]),
        ("from=1970-01-01T00:00:00Z", [1, 2, 3, 4]),
        ("from=1900-01-01T00:00:00Z&to=1900-01-02T00:00:00Z", []),
        ("to=9999-12-31T23:59:59-12:00", [1, 2, 3, 4]),
        ("from=0", [1, 2, 3, 4]),
        ("from=999999999999999", []),
        ("from=1785638131002-18446744073709551615", []),
        ("from=1785638131002-99999999999999999999", []),
    ],
)
async def test_range_is_chosen_by_ids_and_times(
    client: httpx.AsyncClient, timed: list[str], query: str, seqs: list[int]
) -> None:
    for limit in (1, 100):
        found = await pages(client, f"?{query}&limit={limit}")
        assert [each["event"]["seq"] for page in found for each in page["events"]] == seqs


@pytest.mark.parametrize(
    ("query", "parameter", "words"),
    [
        ("from=yesterday", "from", "'yesterday' is not an event's id such as 1785638131660-1042"),
        ("from=2026-08-02", "from", "or one such as 2026-08-02T03:35:31Z"),
        ("from=2026-08-02T03:35:31", "from", "is not an event's id"),
        ("from=2026-02-30T03:35:31Z", "from", "is not an event's id"),
        ("from=1785638131", "from", "in milliseconds it is 1785638131000"),
        ("from=-1", "from", "a time in milliseconds such as 1785638131660"),
        ("from=1785638131660-", "from", "is not an event's id"),
        ("from=%D9%A1785638131660", "from", "is not an event's id"),
        (f"from={'1' * 16}-1", "from", "is not an event's id"),
        ("from=", "from", "'' is not an event's id"),
        ("to=now", "to", "'now' is not an event's id"),
        ("to=1785638131660-1042-1", "to", "is not an event's id"),
        ("from=2&from=3", "from", "given 2 times"),
        ("after=1785638131660", "after", "use from for a time"),
        ("after=2026-08-02T03:35:31Z", "after", "an event's id such as 1785638131660-1042"),
        ("after=1-1&from=1-1", "after", "give from, which is included, or after, which is not"),
        ("from=1785638131661&to=1785638131660", "from", "later than to, '1785638131660'"),
        ("from=2026-08-02T03:35:31Z&to=2026-08-02T03:35:30Z", "from", "later than to"),
        ("after=5-5&to=5-4", "after", "later than to, '5-4'"),
        ("limit=0", "limit", "'0' is not a whole number from 1 to 1000"),
        ("limit=1001", "limit", "from 1 to 1000"),
        ("limit=-1", "limit", "from 1 to 1000"),
        ("limit=ten", "limit", "from 1 to 1000"),
        ("limit=", "limit", "from 1 to 1000"),
        ("limit=%D9%A1", "limit", "from 1 to 1000"),
        (f"limit={'9' * 5000}", "limit", "from 1 to 1000"),
        ("format=csv", "format", "'csv' is not a format; use json or ndjson"),
        ("form=json", "form", "did you mean format?"),
        ("last_event_id=1-1", "last_event_id", "the parameters here are from, after, to, limit,"),
    ],
)
async def test_wrong_parameter_of_events_is_a_400_that_says_what_is_right(
    client: httpx.AsyncClient, five: list[str], query: str, parameter: str, words: str
) -> None:
    answer = await client.get(f"{PATH}?{query}")
    body = assert_problem(answer, 400, "bad-parameter")
    assert body["parameter"] == parameter
    assert words in body["detail"]


async def test_trimmed_events_are_told(
    client: httpx.AsyncClient, written: Written, five: list[str]
) -> None:
    async def is_trimmed(query: str) -> bool:
        return bool((await client.get(f"{PATH}?{query}")).json()["is_trimmed"])

    await written.trim(3)
    left = await written.ids()
    assert left == five[2:]
    assert not await is_trimmed("")
    assert not await is_trimmed(f"from={left[0]}")
    assert not await is_trimmed(f"after={left[0]}")
    # The event with this id is gone, but the next one is there.
    assert not await is_trimmed(f"after={five[1]}")
    assert await is_trimmed(f"after={five[0]}")
    assert await is_trimmed(f"from={five[1]}")
    assert await is_trimmed("from=0")
    assert await is_trimmed(f"from=0&to={five[1]}")
    assert await is_trimmed("from=2001-09-09T01:46:40Z")
    assert not await is_trimmed("from=2100-01-01T00:00:00Z")
    assert not await is_trimmed(f"after={five[4]}")
    # The stream once had an event with this id, but ends before it.
    milliseconds = int(five[4].partition("-")[0])
    assert await is_trimmed(f"after={milliseconds}-6")
    assert await is_trimmed(f"after={milliseconds + 1}-2")
    await written.redis.delete(KEY)
    assert await is_trimmed(f"after={five[4]}")
    assert not await is_trimmed("from=0")
    await written.book(EPOCH + 1, snapshot(6))
    head = await client.head(f"{PATH}?from=0&format=ndjson")
    assert head.headers["x-events-trimmed"] == "true"


async def test_snapshot_that_counts_from_the_last_event_hides_no_gap(
    client: httpx.AsyncClient, redis: RedisNode, written: Written
) -> None:
    await written.symbol("BTC/USD")
    data = snapshot(9).entry(EPOCH).data.decode()
    counted = data.replace('"conflated":null', '"conflated":4')
    assert counted != data
    await entry(redis, "2000-9", kind="snapshot", seq=9, epoch=EPOCH, data=counted)
    assert [page["is_trimmed"] for page in await pages(client, "?after=1000-4")] == [False]
    assert [page["is_trimmed"] for page in await pages(client, "?after=1000-3")] == [True]
    assert [page["is_trimmed"] for page in await pages(client, "?after=1000-5")] == [True]


async def test_events_that_are_trimmed_between_two_pages_are_told(
    client: httpx.AsyncClient, written: Written, five: list[str]
) -> None:
    first = await client.get(f"{PATH}?limit=2")
    await written.book(EPOCH, *updates(6, 8))
    await written.trim(2)
    second = await client.get(urljoin(str(first.url), first.json()["next"]))
    assert [each["event"]["seq"] for each in second.json()["events"]] == [7, 8]
    assert (first.json()["is_trimmed"], second.json()["is_trimmed"]) == (False, True)


async def test_events_that_come_while_paging_follow(
    client: httpx.AsyncClient, written: Written, five: list[str]
) -> None:
    last = (await pages(client, "?limit=2"))[-1]
    assert (last["next"], last["last_id"]) == (None, five[4])
    await written.book(EPOCH, *updates(6, 7))
    (page,) = await pages(client, f"?after={five[4]}")
    assert [each["event"]["seq"] for each in page["events"]] == [6, 7]


async def test_state_of_the_book_does_not_matter(
    client: httpx.AsyncClient, redis: RedisNode, written: Written, five: list[str]
) -> None:
    await written.status(EPOCH, status(6))
    await written.symbol("BTC/USD", "refused", "no")
    (page,) = await pages(client, f"?after={five[4]}")
    (event,) = page["events"]
    assert (event["event"]["kind"], event["event"]["status"]) == ("status", "syncing")
    await redis.delete("kraken:book:{BTC/USD}")
    assert_problem(await client.get("/depth/BTC/USD"), 404, "refused-symbol")
    assert len(ids_in(await pages(client))) == 6
    await redis.set("kraken:book:{BTC/USD}", "somebody's")
    assert len(ids_in(await pages(client))) == 6


async def test_symbol_without_events_has_an_empty_page(
    client: httpx.AsyncClient, written: Written
) -> None:
    await written.symbol("BTC/USD", "asked")
    answer = await client.get(f"{PATH}?from=0")
    assert answer.json() == {
        "symbol": "BTC/USD",
        "first_id": None,
        "last_id": None,
        "is_trimmed": False,
        "next": None,
        "events": [],
    }
    assert not {"x-events-first-id", "x-events-last-id", "link"} & answer.headers.keys()
    lines = await client.get(f"{PATH}?format=ndjson")
    assert (lines.status_code, lines.content) == (200, b"")


async def test_symbols_are_found_and_missed_as_in_depth(
    client: httpx.AsyncClient, written: Written
) -> None:
    assert_problem(await client.get(PATH), 503, "no-symbols")
    await written.symbol("BTC/USD")
    await written.book(EPOCH, snapshot(1))
    for name in ("BTC%2FUSD", "btc-usd", "xbtusd"):
        answer = await client.get(f"/events/{name}")
        assert answer.json()["symbol"] == "BTC/USD"
    body = assert_problem(await client.get("/events/BTC/USX"), 404, "unknown-symbol")
    assert body["symbols"] == ["BTC/USD"]
    assert (await client.get("/events")).status_code == 404
    assert (await client.post(PATH)).status_code == 405
    assert (await client.options(PATH)).headers["allow"] == "GET, HEAD, OPTIONS"


# Entries that no collector writes.
CORRUPT: list[dict[str, str | int]] = [
    {"foreign": 1},
    {"kind": "update", "seq": 3, "epoch": EPOCH, "data": "{}"},
    {"kind": "update", "seq": "x", "epoch": EPOCH, "data": "[" * 10_000},
    {"kind": "update", "seq": 3, "epoch": EPOCH, "data": update(3).entry(1).data.decode()},
]


@pytest.mark.parametrize("fields", CORRUPT)
async def test_corrupt_entry_of_a_page_is_skipped_and_recorded(
    client: httpx.AsyncClient, replica: Replica, redis: RedisNode, fields: dict[str, str | int]
) -> None:
    await Written(redis).symbol("BTC/USD")
    for seq in (1, 2, 4):
        data = update(seq).entry(EPOCH).data.decode()
        await entry(redis, f"1000-{seq}", kind="update", seq=seq, epoch=EPOCH, data=data)
    await redis.xdel(KEY, "1000-4")
    await entry(redis, "1001-3", **fields)
    data = update(4).entry(EPOCH).data.decode()
    await entry(redis, "1002-4", kind="update", seq=4, epoch=EPOCH, data=data)
    for limit in (1, 2, 3, 100):
        assert ids_in(await pages(client, f"?limit={limit}")) == ["1000-1", "1000-2", "1002-4"]
    corruption = replica.store.corrupt.get(KEY)
    assert corruption is not None
    assert "1001-3" in corruption.repair


async def test_stream_of_corrupt_entries_costs_bounded_work_and_is_passed(
    client: httpx.AsyncClient, redis: RedisNode
) -> None:
    await Written(redis).symbol("BTC/USD")
    async with redis.pipeline(transaction=False) as pipe:
        for number in range(8000):
            pipe.xadd(KEY, {"foreign": number}, id=f"1-{number + 1}")
        await pipe.execute()
    data = update(7).entry(EPOCH).data.decode()
    await entry(redis, "2-7", kind="update", seq=7, epoch=EPOCH, data=data)
    found = await pages(client, "?limit=1")
    assert [len(page["events"]) for page in found] == [0, 1]
    # 64 reads: the first ones are small, the others have 128 entries.
    assert found[0]["next"] == f"?after=1-{16 + 18 + 36 + 72 + 60 * 128}&limit=1"


async def test_page_ends_at_its_bytes_and_has_at_least_one_event(
    redis: RedisNode, client: httpx.AsyncClient
) -> None:
    await Written(redis).symbol("BTC/USD")
    large = snapshot(1).entry(EPOCH).data.decode()
    filler = "x" * 300_000
    for seq in range(1, 9):
        data = large.replace('"seq":1,', f'"seq":{seq},')
        data = data.replace('"simulated"', f'"{filler}"' if seq < 8 else f'"{filler * 5}"')
        await entry(redis, f"1-{seq}", kind="snapshot", seq=seq, epoch=EPOCH, data=data)
    found = await pages(client)
    assert [len(page["events"]) for page in found] == [3, 3, 1, 1]
    assert [each["event"]["seq"] for page in found for each in page["events"]] == list(range(1, 9))
    assert found[0]["next"] == "?after=1-3"


async def test_key_that_is_no_stream_is_a_503_that_names_the_repair(
    client: httpx.AsyncClient, redis: RedisNode, five: list[str]
) -> None:
    await redis.set(KEY, "somebody's")
    answer = await client.get(PATH)
    body = assert_problem(answer, 503, "corrupt-events")
    assert body["key"] == KEY
    assert f"redis-cli DEL '{KEY}'" in body["detail"]
    assert answer.headers["retry-after"] == "1"


async def test_next_is_relative_so_it_is_right_below_any_path(
    redis: RedisNode, five: list[str]
) -> None:
    below = Replica(redis, site=Site(root_path="/kraken"))
    async with below.client() as client:
        answer = await client.get("/kraken/events/btc-usd?limit=3&to=2100-01-01T00:00:00%2B01:00")
        url = urljoin(str(answer.url), answer.json()["next"])
        assert url.startswith("http://replica/kraken/events/btc-usd?")
        rest = await client.get(url)
    assert ids_in([answer.json(), rest.json()]) == five
