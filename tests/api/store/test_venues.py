"""The venues of an api: those in the set, and Kraken without it."""

from __future__ import annotations

from typing import Any

import pytest
from redis.exceptions import ConnectionError as NotConnected
from redis.exceptions import NoPermissionError
from structlog.testing import capture_logs

from api.store.book_store import BookStore
from api.store.corrupt_keys import CorruptKeys
from api.store.errors import CorruptSymbols
from api.store.venues import Venues
from kraken_book.contract.keys import MAX_VENUES, VENUES
from runtime.redis.exchange import RedisNode
from runtime.redis.nodes import OneNode
from tests.api.replica import Written


class FailingNodes(OneNode):
    """A Redis that answers commands for some keys with an error."""

    def __init__(self, redis: RedisNode) -> None:
        super().__init__(redis)
        self.errors: dict[str, Exception] = {}

    async def call(self, key: str, *command: Any) -> Any:
        if key in self.errors:
            raise self.errors[key]
        return await super().call(key, *command)


@pytest.fixture
def nodes(redis: RedisNode) -> FailingNodes:
    return FailingNodes(redis)


@pytest.fixture
def venues(nodes: FailingNodes) -> Venues:
    return Venues(nodes, CorruptKeys())


@pytest.fixture
def store(nodes: FailingNodes) -> BookStore:
    return BookStore(nodes)


async def test_kraken_is_known_without_the_set(venues: Venues) -> None:
    await venues.read()
    assert venues.known == ("kraken",)


async def test_listed_venues_follow_kraken_by_name(redis: RedisNode, venues: Venues) -> None:
    await redis.sadd(VENUES, "coinbase", "kraken", "binance", "Not-A-Venue", b"\xff", "")
    await venues.read()
    assert venues.known == ("kraken", "binance", "coinbase")


async def test_number_of_venues_is_bounded(redis: RedisNode, venues: Venues) -> None:
    await redis.sadd(VENUES, *(f"venue{number}" for number in range(100, 130)))
    await venues.read()
    assert len(venues.known) == MAX_VENUES
    assert venues.known[:2] == ("kraken", "venue100")


@pytest.mark.parametrize("error", [NotConnected("gone"), NoPermissionError("not permitted")])
async def test_venues_stay_known_while_the_set_cannot_be_read(
    redis: RedisNode, nodes: FailingNodes, venues: Venues, error: Exception
) -> None:
    await redis.sadd(VENUES, "coinbase")
    await venues.read()
    nodes.errors[VENUES] = error
    await venues.read()
    assert venues.known == ("kraken", "coinbase")


@pytest.mark.real_redis
async def test_set_of_another_type_is_recorded_and_kraken_is_known(
    redis: RedisNode, nodes: FailingNodes
) -> None:
    corrupt = CorruptKeys()
    venues = Venues(nodes, corrupt)
    await redis.set(VENUES, "x")
    await venues.read()
    assert venues.known == ("kraken",)
    assert corrupt.get(VENUES) is not None
    await redis.delete(VENUES)
    await venues.read()
    assert corrupt.get(VENUES) is None


async def test_symbols_of_all_venues_are_sorted(written: Written, store: BookStore) -> None:
    for symbol in ("coinbase:BTC/USD", "ETH/USD", "binance:BTC/USDT", "BTC/USD"):
        await written.symbol(symbol)
    symbols = ["BTC/USD", "ETH/USD", "binance:BTC/USDT", "coinbase:BTC/USD"]
    assert list(await store.symbols()) == symbols


async def test_corrupt_list_costs_only_its_venue(
    redis: RedisNode, written: Written, store: BookStore
) -> None:
    await written.symbol("BTC/USD")
    await written.symbol("coinbase:BTC/USD")
    await redis.delete("kraken:symbols")
    await redis.set("kraken:symbols", "x")
    assert list(await store.symbols()) == ["coinbase:BTC/USD"]
    await redis.delete("coinbase:symbols")
    with pytest.raises(CorruptSymbols, match="kraken:symbols"):
        await store.symbols()


async def test_last_list_is_known_while_one_cannot_be_read(
    nodes: FailingNodes, written: Written, store: BookStore
) -> None:
    await written.symbol("BTC/USD")
    await written.symbol("coinbase:BTC/USD")
    await store.symbols()
    nodes.errors["coinbase:symbols"] = NotConnected("gone")
    await written.symbol("ETH/USD")
    assert list(await store.symbols()) == ["BTC/USD", "ETH/USD", "coinbase:BTC/USD"]
    nodes.errors["kraken:symbols"] = NotConnected("gone")
    with pytest.raises(NotConnected):
        await store.symbols()


async def test_list_that_was_never_read_is_an_error(
    nodes: FailingNodes, written: Written, store: BookStore
) -> None:
    await written.symbol("BTC/USD")
    await written.symbol("coinbase:BTC/USD")
    nodes.errors["coinbase:symbols"] = NotConnected("gone")
    with pytest.raises(NotConnected):
        await store.symbols()


async def test_field_with_a_venue_is_no_pair(redis: RedisNode, store: BookStore) -> None:
    await redis.hset("kraken:symbols", "coinbase:BTC/USD", "{}")
    assert await store.symbols() == {}
    assert store.corrupt.get("kraken:symbols coinbase:BTC/USD") is not None


async def test_venue_that_this_user_may_not_read_costs_only_itself(
    nodes: FailingNodes, redis: RedisNode, written: Written, store: BookStore
) -> None:
    await redis.sadd(VENUES, "coinbase")
    await written.symbol("BTC/USD")
    await written.symbol("coinbase:BTC/USD")
    nodes.errors["coinbase:symbols"] = NoPermissionError("no permissions to access a key")
    with capture_logs() as lines:
        for _ in range(3):
            assert list(await store.symbols()) == ["BTC/USD"]
    (line,) = lines
    assert (line["event"], line["venue"]) == ("venue not readable, left out", "coinbase")
    del nodes.errors["coinbase:symbols"]
    assert list(await store.symbols()) == ["BTC/USD", "coinbase:BTC/USD"]


async def test_user_that_may_read_no_venue_gets_the_error(
    nodes: FailingNodes, store: BookStore
) -> None:
    nodes.errors["kraken:symbols"] = NoPermissionError("no permissions to access a key")
    with pytest.raises(NoPermissionError):
        await store.symbols()
