"""The directory finds configured symbols in any spelling."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from api.store.book_store import BookStore, BookWithAge
from api.store.directory import Directory
from api.store.errors import NoSuchSymbol, NoSymbols
from kraken_book.access_keys import permitted_symbols
from kraken_book.selection import parse_selection
from lab.written_books import snapshot
from runtime.redis.exchange import RedisNode
from runtime.redis.nodes import OneNode
from tests.api.replica import Replica, Written


@pytest.fixture
def directory(replica: Replica) -> Directory:
    return Directory(replica.store)


@pytest.mark.parametrize("name", ["BTC/USD", "btc-usd", "xbt/usd", "Btc/Usd"])
async def test_resolve_finds_a_symbol_in_any_spelling(
    directory: Directory, written: Written, name: str
) -> None:
    await written.symbol("BTC/USD")
    assert await directory.resolve(name) == "BTC/USD"


async def test_resolve_finds_refused_symbols(directory: Directory, written: Written) -> None:
    await written.symbol("OLD/USD", "refused", "delisted")
    assert await directory.resolve("old-usd") == "OLD/USD"


async def test_resolve_of_unknown_symbol_suggests_the_nearest(
    directory: Directory, written: Written
) -> None:
    for symbol in ("BTC/USD", "BTC/EUR", "SOL/USD"):
        await written.symbol(symbol)
    with pytest.raises(NoSuchSymbol) as caught:
        await directory.resolve("btc-us")
    nearest = caught.value.members["symbols"]
    assert isinstance(nearest, list)
    assert nearest[0] == "BTC/USD"


async def test_resolve_without_any_symbols_raises_no_symbols(
    directory: Directory,
) -> None:
    with pytest.raises(NoSymbols) as caught:
        await directory.resolve("BTC/USD")
    assert caught.value.is_passing


async def test_states_are_sorted_and_have_status_and_reason(
    directory: Directory, written: Written
) -> None:
    await written.symbol("ETH/USD", "refused", "why")
    await written.symbol("BTC/USD")
    states = await directory.states()
    assert list(states) == ["BTC/USD", "ETH/USD"]
    assert (states["ETH/USD"].status, states["ETH/USD"].reason) == ("refused", "why")


async def test_new_symbol_is_found_when_the_list_is_read_again(
    replica: Replica, written: Written
) -> None:
    directory = Directory(replica.store, fresh_seconds=0.0)
    await written.symbol("BTC/USD")
    assert list(await directory.states()) == ["BTC/USD"]
    await written.symbol("ETH/USD")
    assert await directory.resolve("eth-usd") == "ETH/USD"


async def test_hidden_symbol_makes_no_visible_one_ambiguous(
    directory: Directory, written: Written
) -> None:
    for symbol in ("AB/CUSD", "ABC/USD"):
        await written.symbol(symbol)
    with pytest.raises(NoSuchSymbol):
        await directory.resolve("abcusd")
    assert await directory.resolve("abcusd", parse_selection("ABC/*")) == "ABC/USD"
    with pytest.raises(NoSuchSymbol) as caught:
        await directory.resolve("abcusd", parse_selection("BTC/*"))
    assert caught.value.members["symbols"] == []


@pytest.mark.real_redis  # it asks for INFO commandstats
async def test_unknown_names_do_not_read_a_fresh_list_again(
    replica: Replica, written: Written
) -> None:
    directory = Directory(replica.store, fresh_seconds=3600.0)
    await written.symbol("BTC/USD")
    await directory.states()
    before = (await written.redis.info("commandstats"))["cmdstat_hgetall"]["calls"]
    for number in range(20):
        with pytest.raises(NoSuchSymbol):
            await directory.resolve(f"no-{number}")
    after = (await written.redis.info("commandstats"))["cmdstat_hgetall"]["calls"]
    assert after == before


class CountedStore(BookStore):
    """A store that notes the names of the books that it is asked for."""

    def __init__(self, redis: RedisNode) -> None:
        super().__init__(OneNode(redis))
        self.asked: list[str] = []

    async def books(self, symbols: Sequence[str]) -> list[BookWithAge | None]:
        self.asked += symbols
        return await super().books(symbols)


BTC = permitted_symbols("BTC/*")


@pytest.mark.parametrize("name", ["ETH/USD", "eth-usd", "ETHUSD", "EZH/USD", "ezh-usd", "EZHUSD"])
async def test_hidden_symbol_takes_the_same_reads_as_one_that_does_not_exist(
    redis: RedisNode, written: Written, name: str
) -> None:
    for symbol in ("BTC/USD", "ETH/USD"):
        await written.symbol(symbol)
        await written.book(1, snapshot(1), symbol=symbol)
    store = CountedStore(redis)
    directory = Directory(store)
    # Known before, or not.
    for _ in range(2):
        with pytest.raises(NoSuchSymbol) as caught:
            await directory.resolve(name, BTC)
        assert "ETH/USD" not in str(caught.value.members)
        assert store.asked == []


async def test_visible_symbol_without_list_entry_is_found_by_its_book(
    redis: RedisNode, written: Written
) -> None:
    await written.symbol("ETH/USD")
    await written.book(1, snapshot(1), symbol="BTC/USD")
    store = CountedStore(redis)
    assert await Directory(store).resolve("btc-usd", BTC) == "BTC/USD"
    assert store.asked == ["BTC/USD"]


async def test_known_book_is_found_if_redis_stops_answering_after_the_list(
    replica: Replica, written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    await written.book(1, snapshot(1))
    assert await replica.store.book("BTC/USD") is not None

    async def fail(_store: BookStore, _symbols: Sequence[str]) -> list[BookWithAge | None]:
        raise TimeoutError

    monkeypatch.setattr(BookStore, "books", fail)
    assert await Directory(replica.store).resolve("BTC/USD") == "BTC/USD"


async def test_hidden_symbols_are_hidden_after_the_list_was_read_again(
    replica: Replica, written: Written
) -> None:
    directory = Directory(replica.store, fresh_seconds=0.0)
    await written.symbol("BTC/USD")
    assert list(await directory.states(BTC)) == ["BTC/USD"]
    for symbol in ("BTC/EUR", "ETH/USD"):
        await written.symbol(symbol)
    assert list(await directory.states(BTC)) == ["BTC/EUR", "BTC/USD"]
    assert list(directory.last_states(BTC)) == ["BTC/EUR", "BTC/USD"]
    assert len(directory.last_states()) == 3
