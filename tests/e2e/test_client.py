"""The client on real replicas shows no wrong book and loses no event, whatever is killed or cut."""

from __future__ import annotations

import random
from urllib.parse import urlsplit

from kraken_book.client.patience import DEFAULT_PATIENCE, Patience
from lab.ports import free_port
from lab.redis_proxy import Link, ProxyFault, RedisProxy
from lab.sse.client_reader import ClientReader
from lab.stage import Stage
from lab.waiting import wait_until

SYMBOLS = ("BTC/USD", "ETH/USD", "SOL/USD")
BTC = SYMBOLS[0]
CUTS = 12


class CutInTheMiddle(ProxyFault):
    """A proxy that passes on some pieces of a stream and half of the next one, and then closes."""

    def __init__(self, cuts: int) -> None:
        self.left = cuts
        self._pieces: dict[Link, int] = {}

    async def on_answer(self, link: Link, data: bytes) -> None:
        """Pass the piece on, or half of it."""
        pieces = self._pieces.setdefault(link, random.randint(3, 12))
        self._pieces[link] = pieces - 1
        if not self.left or pieces > 0:
            await link.to_client(data)
            return
        self.left -= 1
        await link.to_client(data[: random.randrange(1, len(data))])
        link.answers_lost = True
        link.end_client()


def readers(
    stage: Stage, url: str, patience: Patience = DEFAULT_PATIENCE
) -> tuple[ClientReader, ClientReader]:
    """A client of one book, and a client of several books."""
    return (
        stage.enter(ClientReader(url, BTC, patience=patience)),
        stage.enter(ClientReader(url, *SYMBOLS, patience=patience)),
    )


def wait_until_live(*all_readers: ClientReader, more: int = 5) -> None:
    """Return when each client has all its books live, and gets events."""
    for reader in all_readers:
        for symbol in reader.asked:
            book = reader.watch.books.get(symbol)
            reader.wait_until_live(symbol, after=more + (book.seq or 0 if book else 0))


def wait_until_doubted(word: str, *all_readers: ClientReader) -> None:
    """Return when no book of either client is live, and all have this reason."""
    for reader in all_readers:
        for symbol in reader.asked:
            reader.wait_for_word(symbol, word)


def test_client_survives_kills_of_api_collector_and_redis(
    stage: Stage,
) -> None:
    redis = stage.redis(port=free_port())
    simulator = stage.simulator("--symbols", ",".join(SYMBOLS), "--rate", "75")
    collector = stage.collector(redis.url, simulator.url, KRAKEN_SYMBOLS=",".join(SYMBOLS))
    api = stage.api(redis.url, API_MAX_AGE="2")
    api.wait_until_live(*SYMBOLS)
    one, every = readers(stage, api.url)
    wait_until_live(one, every)

    api.kill()
    wait_until_doubted("stale: disconnected", one, every)
    api.restart()
    wait_until_live(one, every)
    # It resumed without a gap, so no snapshot was needed.
    assert one.ladder(BTC).counts.snapshots == 1

    collector.kill()
    wait_until_doubted("stale: age", one, every)
    collector.restart()
    wait_until_live(one, every)

    redis.kill()
    wait_until_doubted("stale: age", one, every)
    redis.start()
    wait_until_live(one, every)

    for reader in (one, every):
        for symbol in reader.asked:
            assert reader.book(symbol).counts.doubts == 0, "an honest api is never doubted"
            verified = reader.book(symbol).counts.verified
            assert reader.ladder(symbol).counts.verified == verified


def test_client_gets_each_event_once_through_cutting_proxy(stage: Stage) -> None:
    redis = stage.redis()
    simulator = stage.simulator("--symbols", ",".join(SYMBOLS), "--rate", "150")
    stage.collector(redis.url, simulator.url, KRAKEN_SYMBOLS=",".join(SYMBOLS))
    api = stage.api(redis.url)
    api.wait_until_live(*SYMBOLS)
    proxy = stage.enter(RedisProxy(api.port, resets=False))
    url = f"http://127.0.0.1:{urlsplit(proxy.url).port}"
    fault = CutInTheMiddle(CUTS)
    with proxy.goes_wrong(fault):
        one, every = readers(stage, url, Patience(max_pause=0.02))
        wait_until(lambda: not fault.left, f"{CUTS} cuts")
    wait_until_live(one, every)
    tally = one.of(BTC).account.tally + every.of(BTC).account.tally
    assert tally.cuts == tally.interruptions > 0
    assert one.ladder(BTC).counts.jumps == 0
    assert one.book(BTC).counts.doubts == 0
    assert one.book(BTC).counts.lagged == 0
