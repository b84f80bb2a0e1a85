"""Which symbols there are, by any spelling."""

from __future__ import annotations

import pytest

import api.store.directory
from api.http.problems import Problem
from api.store.directory import Directory
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


async def test_an_unknown_one_is_a_404_with_the_nearest(
    directory: Directory, written: Written
) -> None:
    for symbol in ("BTC/USD", "BTC/EUR", "SOL/USD"):
        await written.symbol(symbol)
    with pytest.raises(Problem) as caught:
        await directory.resolve("btc-us")
    assert caught.value.status == 404
    nearest = caught.value.members["symbols"]
    assert isinstance(nearest, list)
    assert nearest[0] == "BTC/USD"


async def test_while_no_symbol_is_known_it_is_a_503_for_one_that_comes_back(
    directory: Directory,
) -> None:
    with pytest.raises(Problem) as caught:
        await directory.resolve("BTC/USD")
    assert (caught.value.status, caught.value.headers["Retry-After"]) == (503, "1")


async def test_states_are_sorted_and_say_what_became_of_each(
    directory: Directory, written: Written
) -> None:
    await written.symbol("ETH/USD", "refused", "why")
    await written.symbol("BTC/USD")
    states = await directory.states()
    assert list(states) == ["BTC/USD", "ETH/USD"]
    assert (states["ETH/USD"].status, states["ETH/USD"].reason) == ("refused", "why")


async def test_a_new_symbol_is_found_once_what_is_known_is_no_more_fresh(
    directory: Directory, written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    await written.symbol("BTC/USD")
    assert list(await directory.states()) == ["BTC/USD"]
    await written.symbol("ETH/USD")
    monkeypatch.setattr(api.store.directory, "FRESH_SECONDS", 0.0)
    assert await directory.resolve("eth-usd") == "ETH/USD"


@pytest.mark.real_redis  # it asks for INFO commandstats
async def test_unknown_names_cost_at_most_one_read_in_a_while(
    directory: Directory, written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api.store.directory, "FRESH_SECONDS", 3600.0)
    await written.symbol("BTC/USD")
    await directory.states()
    before = (await written.redis.info("commandstats"))["cmdstat_hgetall"]["calls"]
    for number in range(20):
        with pytest.raises(Problem):
            await directory.resolve(f"no-{number}")
    after = (await written.redis.info("commandstats"))["cmdstat_hgetall"]["calls"]
    assert after == before
