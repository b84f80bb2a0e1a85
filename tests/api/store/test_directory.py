"""Which symbols there are, by any spelling."""

from __future__ import annotations

import pytest

from api.store.directory import Directory
from api.store.errors import NoSuchSymbol, NoSymbols
from tests.api.replica import Replica, Written


@pytest.fixture
def directory(replica: Replica) -> Directory:
    return Directory(replica.store)


@pytest.mark.parametrize("name", ["BTC/USD", "btc-usd", "xbt/usd", "Btc/Usd"])
async def test_every_spelling_finds_the_symbol_in_krakens_spelling(
    directory: Directory, written: Written, name: str
) -> None:
    await written.symbol("BTC/USD")
    assert await directory.resolve(name) == "BTC/USD"


async def test_refused_symbols_are_known_too(directory: Directory, written: Written) -> None:
    await written.symbol("OLD/USD", "refused", "delisted")
    assert await directory.resolve("old-usd") == "OLD/USD"


async def test_unknown_symbol_is_refused_with_the_nearest(
    directory: Directory, written: Written
) -> None:
    for symbol in ("BTC/USD", "BTC/EUR", "SOL/USD"):
        await written.symbol(symbol)
    with pytest.raises(NoSuchSymbol) as caught:
        await directory.resolve("btc-us")
    nearest = caught.value.members["symbols"]
    assert isinstance(nearest, list)
    assert nearest[0] == "BTC/USD"


async def test_resolve_says_that_there_are_no_symbols_yet(
    directory: Directory,
) -> None:
    with pytest.raises(NoSymbols) as caught:
        await directory.resolve("BTC/USD")
    assert caught.value.is_passing


async def test_states_are_sorted_and_say_what_became_of_each(
    directory: Directory, written: Written
) -> None:
    await written.symbol("ETH/USD", "refused", "why")
    await written.symbol("BTC/USD")
    states = await directory.states()
    assert list(states) == ["BTC/USD", "ETH/USD"]
    assert (states["ETH/USD"].status, states["ETH/USD"].reason) == ("refused", "why")


async def test_new_symbol_is_found_when_the_list_is_not_fresh(
    replica: Replica, written: Written
) -> None:
    directory = Directory(replica.store, fresh_seconds=0.0)
    await written.symbol("BTC/USD")
    assert list(await directory.states()) == ["BTC/USD"]
    await written.symbol("ETH/USD")
    assert await directory.resolve("eth-usd") == "ETH/USD"


@pytest.mark.real_redis  # it asks for INFO commandstats
async def test_unknown_names_cost_at_most_one_read_in_a_while(
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
