"""A wrong frame from Kraken interrupts its own symbol for a moment, and no other.

One collector follows a scripted Kraken through the whole module. Each case has its own symbol,
because a symbol that was doubted a moment ago is subscribed again only after a back-off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

import pytest

from lab.ladder import Ladder
from lab.scripted_kraken import (
    KrakenMarket,
    KrakenRequest,
    ScriptedKraken,
    book_frame,
    checksum,
    level_text,
    snapshot_frame,
    update_frame,
)
from lab.services import Api, Collector
from lab.stage import Stage
from lab.stored_books import StoredBooks
from lab.waiting import wait_until

Make = Callable[[KrakenMarket], str]


def wrong_checksum(market: KrakenMarket) -> str:
    return update_frame(market.symbol, [], [], market.checksum() ^ 1)


def too_many_decimals(market: KrakenMarket) -> str:
    (price, _), *_ = market.sorted_bids()
    level = level_text((price, 1)).replace(',"qty"', '5,"qty"')
    return book_frame("update", market.symbol, [level], [], market.checksum())


def crossed(market: KrakenMarket) -> str:
    """Return a bid above the best ask, with the checksum of the crossed book."""
    price = market.sorted_asks()[0][0] + 1
    bids = dict(sorted({**market.bids, price: 100}.items(), reverse=True)[:10])
    return update_frame(market.symbol, [(price, 100)], [], checksum(bids, market.asks))


def price_of_zero(market: KrakenMarket) -> str:
    level = level_text((0, 5))
    return book_frame("update", market.symbol, [level], [], market.checksum())


def negative_quantity(market: KrakenMarket) -> str:
    (price, lots), *_ = market.sorted_bids()
    level = level_text((price, lots)).replace('"qty":', '"qty":-')
    return book_frame("update", market.symbol, [level], [], market.checksum())


def quantity_without_end(market: KrakenMarket) -> str:
    level = '{"price":1.00,"qty":1e999999999}'
    return book_frame("update", market.symbol, [level], [], market.checksum())


def quantity_is_text(market: KrakenMarket) -> str:
    level = '{"price":1.00,"qty":"many"}'
    return book_frame("update", market.symbol, [level], [], market.checksum())


def checksum_is_missing(market: KrakenMarket) -> str:
    return book_frame("update", market.symbol, [], [], "null")


def cut_off(market: KrakenMarket) -> str:
    return update_frame(market.symbol, [(1, 1)], [], market.checksum())[:-20]


def wrong_snapshot(market: KrakenMarket) -> str:
    """Return an unrequested snapshot whose checksum does not fit."""
    return snapshot_frame(market).replace('"qty":', '"qty":1', 1)


DOUBTED: list[tuple[str, Make, str]] = [
    ("AA/USD", wrong_checksum, "checksum"),
    ("AB/USD", too_many_decimals, "level"),
    ("AC/USD", crossed, "crossed"),
    ("AD/USD", price_of_zero, "level"),
    ("AE/USD", negative_quantity, "level"),
    ("AF/USD", quantity_without_end, "level"),
    ("AG/USD", quantity_is_text, "level"),
    ("AH/USD", checksum_is_missing, "frame"),
    ("AI/USD", wrong_snapshot, "checksum"),
    ("AK/USD", cut_off, "frame"),
]

DEEP = 200_000
PASSED_OVER: dict[str, str | bytes] = {
    "no JSON": "Hello, this is not JSON",
    "cut off": '{"channel":"book","type":"update","data":[{"sym',
    "an unknown channel": '{"channel":"weather","type":"update","data":[{"symbol":"AA/USD"}]}',
    "no object": '["channel","book"]',
    "nothing": "",
    "deeply nested": "[" * DEEP + "]" * DEEP,
    "deeply nested in a channel": '{"channel":"status","data":' + "[" * DEEP + "]" * DEEP + "}",
    "deeply nested in a book": '{"channel":"book","type":"update","data":' + "[" * DEEP,
    "binary garbage": bytes(range(256)) * 8,
    "a book nobody asked for": update_frame("ZZ/USD", [(1, 1)], [], 1),
    "a book of no symbol": '{"channel":"book","type":"update","data":[{"symbol":7}]}',
    "an answer to nothing": '{"method":"subscribe","success":false,"error":"?","req_id":999999}',
    "a rate limit": '{"Error":"Exceeded msg rate"}',
}

UNASKED = "AJ/USD"
QUIET = ("BTC/USD", "ETH/USD")
SYMBOLS = (*QUIET, UNASKED, *(symbol for symbol, _, _ in DOUBTED))


@dataclass
class Scene:
    """The scripted Kraken, and the published books."""

    kraken: ScriptedKraken
    collector: Collector
    api: Api
    streams: StoredBooks

    def wait_until_all_moved(self) -> None:
        """Return when every symbol's stream has some events more."""
        ends = {symbol: self.streams.last_seq(symbol) + 3 for symbol in SYMBOLS}
        for symbol, seq in ends.items():
            self.streams.wait_for_seq(symbol, seq)

    def last_ids(self) -> dict[str, str]:
        return {symbol: self.streams.last_id(symbol) for symbol in SYMBOLS}

    def assert_undisturbed(self, since: dict[str, str], *but: str) -> None:
        """Assert that all books continued by updates alone, without a gap, and verified."""
        for symbol in set(SYMBOLS) - set(but):
            events = self.streams.events(symbol, since[symbol])
            assert events, symbol
            assert {event["kind"] for event in events} == {"update"}, symbol
            assert self.streams.ladder(symbol).counts.jumps == 0, symbol


@pytest.fixture(scope="module")
def scene(module_stage: Stage) -> Iterator[Scene]:
    redis = module_stage.redis()
    with ScriptedKraken(SYMBOLS) as kraken:
        collector = module_stage.collector(
            redis.url, kraken.url, KRAKEN_SYMBOLS=",".join((*SYMBOLS, "NOPE/USD"))
        )
        api = module_stage.api(redis.url)
        streams = StoredBooks(redis.url)
        collector.wait_until_live(len(SYMBOLS))
        api.wait_until_live(*SYMBOLS)
        yield Scene(kraken, collector, api, streams)
        streams.close()


@pytest.mark.parametrize(("symbol", "make", "reason"), DOUBTED)
def test_wrong_frame_resyncs_only_its_symbol(
    scene: Scene, symbol: str, make: Make, reason: str
) -> None:
    scene.wait_until_all_moved()
    since = scene.last_ids()
    asked = len(scene.kraken.asked())
    scene.kraken.send_update(symbol, make)

    def recovered() -> list[str] | None:
        kinds = [event["kind"] for event in scene.streams.events(symbol, since[symbol])]
        back = "snapshot" in kinds and kinds[-1] == "update"
        return kinds if back else None

    wait_until(recovered, f"{symbol} is back")
    scene.wait_until_all_moved()
    assert scene.kraken.asked(asked) == [
        KrakenRequest(1, "unsubscribe", "book", (symbol,)),
        KrakenRequest(1, "subscribe", "book", (symbol,)),
    ]
    events = scene.streams.events(symbol, since[symbol])
    changes = [event for event in events if event["kind"] != "update"]
    assert [event["kind"] for event in changes] == ["status", "snapshot", "status"]
    assert (changes[0]["status"], changes[0]["reason"]) == ("syncing", reason)
    assert (changes[2]["status"], changes[2]["reason"]) == ("live", None)
    # An independent reader verifies every event: the wrong frame shows nowhere.
    ladder = scene.streams.ladder(symbol)
    assert ladder.counts.jumps == 0
    (doubt,) = [line for line in scene.collector.lines("book resync") if line["symbol"] == symbol]
    assert doubt["reason"] == reason
    scene.assert_undisturbed(since, symbol)
    assert scene.kraken.connections == 1


@pytest.mark.parametrize("what", PASSED_OVER)
def test_frame_without_book_is_ignored(scene: Scene, what: str) -> None:
    scene.wait_until_all_moved()
    since = scene.last_ids()
    asked = len(scene.kraken.asked())
    frames = scene.collector.metric("kraken_book_frames_total")
    scene.kraken.send(PASSED_OVER[what])
    wait_until(
        lambda: scene.collector.metric("kraken_book_frames_total") > frames, "the frame is read"
    )
    scene.wait_until_all_moved()
    assert scene.kraken.asked(asked) == []
    scene.assert_undisturbed(since)
    assert scene.kraken.connections == 1


def test_unreadable_frame_is_counted_and_logged(scene: Scene) -> None:
    bad = scene.collector.metric("kraken_book_bad_frames_total")
    sent = 0

    def is_logged() -> bool:
        # The log has only the first lines, for it limits them; the metric counts all.
        nonlocal sent
        sent += 1
        scene.kraken.send(f"frame {sent}: neither JSON nor anything")
        lines = scene.collector.lines("frame not understood")
        ours = [line for line in lines if "neither JSON nor anything" in line["frame"]]
        return bool(ours and ours[0]["level"] == "warning")

    wait_until(is_logged, "the frame is logged")
    wait_until(
        lambda: scene.collector.metric("kraken_book_bad_frames_total") == bad + sent,
        "each is counted",
    )


def test_unknown_channel_is_logged(scene: Scene) -> None:
    scene.kraken.send('{"channel":"gossip","type":"update","data":[]}')
    scene.collector.wait_for_line("unknown frame ignored", kind="channel gossip")


def test_unrequested_snapshot_replaces_book_without_resync(
    scene: Scene,
) -> None:
    scene.wait_until_all_moved()
    since = scene.last_ids()
    asked = len(scene.kraken.asked())

    def another_book(market: KrakenMarket) -> str:
        market.bids = {price - 1000: lots + 1 for price, lots in market.bids.items()}
        market.asks = {price + 1000: lots + 1 for price, lots in market.asks.items()}
        return snapshot_frame(market)

    scene.kraken.send_update(UNASKED, another_book)
    wait_until(
        lambda: any(e["kind"] == "snapshot" for e in scene.streams.events(UNASKED, since[UNASKED])),
        "the snapshot is an event",
    )
    scene.wait_until_all_moved()
    changes = [e for e in scene.streams.events(UNASKED, since[UNASKED]) if e["kind"] != "update"]
    assert [event["kind"] for event in changes] == ["snapshot"]
    ladder: Ladder = scene.streams.ladder(UNASKED)
    assert ladder.status == "live"
    assert scene.kraken.asked(asked) == []
    scene.assert_undisturbed(since, UNASKED)


def test_refused_symbol_is_reported_and_harms_no_other(scene: Scene) -> None:
    reason = "Currency pair not supported NOPE/USD"
    assert scene.streams.states()["NOPE/USD"]["status"] == "refused"
    assert scene.streams.states()["NOPE/USD"]["reason"] == reason
    books = {book["symbol"]: book for book in scene.api.get("/books").json()}
    refused = books.pop("NOPE/USD")
    assert (refused["status"], refused["reason"]) == ("refused", reason)
    assert refused["best_bid"] is refused["best_ask"] is refused["seq"] is refused["age_ms"] is None
    assert {book["status"] for book in books.values()} == {"live"}
    assert scene.api.get("/symbols").json() == sorted(SYMBOLS)
    line = scene.collector.wait_for_line("kraken refused request", error=reason)
    assert line["symbols"] == ["NOPE/USD"]
    assert scene.collector.metric("kraken_book_symbols", status="refused") == 1
    answer = scene.api.get("/depth/NOPE%2FUSD")
    assert answer.status_code == 404
    assert answer.json()["type"] == "urn:kraken-book:refused-symbol"
    assert answer.json()["reason"] == reason
    assert reason in answer.json()["detail"]
    # It will be subscribed again, so its stream stays open and contains the reason.
    with scene.api.stream("NOPE/USD") as stream:
        (_, no_book), (_, refusal) = islice(stream.events(), 2)
    assert (no_book["status"], no_book["reason"]) == ("syncing", "no book yet")
    assert (refusal["status"], refusal["reason"]) == ("syncing", reason)
