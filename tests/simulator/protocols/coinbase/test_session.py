"""One connection of the simulated Coinbase, frame by frame."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

import pytest

from lab.recordings import FindRecording
from simulator.market.instrument import SimulatedInstrument
from simulator.protocols.coinbase.frames import number_text
from simulator.protocols.coinbase.protocol import SimulatedCoinbase
from simulator.protocols.pairs import MarketOptions
from tests.simulator.protocols.scene import SessionClient, inject


class NaiveLevel2:
    """A client's whole books, which counts the deletes of levels that it never had."""

    def __init__(self) -> None:
        self.books: dict[str, dict[str, dict[Decimal, Decimal]]] = {}
        self.next_number = 0
        self.orphans = self.empty = 0

    def apply(self, frames: list[Any]) -> None:
        for frame in frames:
            assert frame["sequence_num"] == self.next_number, "a gap"
            self.next_number += 1
            for event in frame["events"] if frame["channel"] == "l2_data" else ():
                self._apply_event(event)

    def top(self, product_id: str, side: str) -> list[tuple[Decimal, Decimal]]:
        levels = self.books[product_id][side].items()
        return sorted(levels, reverse=side == "bid")

    def _apply_event(self, event: Any) -> None:
        if event["type"] == "snapshot":
            self.books[event["product_id"]] = {"bid": {}, "offer": {}}
        book = self.books[event["product_id"]]
        self.empty += not event["updates"]
        for update in event["updates"]:
            side, price = book[update["side"]], Decimal(update["price_level"])
            quantity = Decimal(update["new_quantity"])
            if quantity:
                side[price] = quantity
            elif side.pop(price, None) is None:
                self.orphans += 1


class Client(SessionClient):
    """A session with two markets that move on request only."""

    def __init__(self, *symbols: str, levels: int | None = None) -> None:
        options = MarketOptions(symbols or ("BTC-USD", "ETH-USD"), levels, rate=0.0)
        super().__init__(SimulatedCoinbase(options))

    def subscribe(self, *products: str, channel: str = "level2") -> list[Any]:
        request = {"type": "subscribe", "product_ids": products, "channel": channel}
        return self.ask(request) + self.admitted()


def sides_of(client: Client, symbol: str) -> dict[str, list[tuple[Decimal, Decimal]]]:
    listing = client.venue.exchange.listing(symbol)
    instrument: SimulatedInstrument = listing.instrument
    return {
        name: [
            (
                Decimal(price).scaleb(-instrument.price_precision),
                Decimal(lots).scaleb(-instrument.qty_precision),
            )
            for price, lots in side.top(10**6)
        ]
        for name, side in (("bid", listing.market.bids), ("offer", listing.market.asks))
    }


def test_numbers_are_consecutive_over_all_frames_and_the_book_is_the_market() -> None:
    client = Client()
    frames = client.subscribe("BTC-USD", "ETH-USD")
    frames += client.ask({"type": "subscribe", "channel": "heartbeats"})
    for _ in range(100):
        frames += client.moved("BTC/USD", 5) + client.moved("ETH/USD", 3)
        client.session.beat()
        frames += client.frames()
    book = NaiveLevel2()
    book.apply(frames)
    for product, symbol in (("BTC-USD", "BTC/USD"), ("ETH-USD", "ETH/USD")):
        for name, levels in sides_of(client, symbol).items():
            assert book.top(product, name) == levels
    assert book.orphans > 50, "deletes of levels that were never there are routine"
    assert book.empty > 10, "so are events without levels"
    assert {frame["channel"] for frame in frames} == {"l2_data", "subscriptions", "heartbeats"}


def test_acknowledgement_comes_after_the_first_frames() -> None:
    client = Client()
    frames = client.subscribe("BTC-USD")
    assert [frame["channel"] for frame in frames] == ["l2_data"]
    while not (frames := client.moved("BTC/USD")):
        pass
    channels = [frame["channel"] for frame in frames]
    assert channels[0] == "subscriptions"
    assert frames[0]["events"] == [{"subscriptions": {"level2": ["BTC-USD"]}}]
    assert channels[1] == "l2_data"


def test_quiet_market_is_acknowledged_with_the_next_beat() -> None:
    client = Client()
    client.subscribe("BTC-USD")
    client.session.beat()
    (ack,) = client.frames()
    assert (ack["channel"], ack["sequence_num"]) == ("subscriptions", 1)


def test_alias_gets_the_book_of_the_other_product() -> None:
    client = Client()
    (snapshot,) = client.subscribe("BTC-USDC")
    assert snapshot["events"][0]["product_id"] == "BTC-USD"


def test_unsubscribed_product_sends_no_more() -> None:
    client = Client()
    client.subscribe("BTC-USD", "ETH-USD")
    client.session.beat()
    client.frames()
    (ack,) = client.ask({"type": "unsubscribe", "product_ids": ["BTC-USD"], "channel": "level2"})
    assert ack["events"] == [{"subscriptions": {"level2": ["ETH-USD"]}}]
    assert client.moved("BTC/USD", 20) == []
    assert client.moved("ETH/USD", 1)


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("hello", "malformed"),
        ({"type": "ping"}, "malformed"),
        ({"type": "subscribe", "channel": "level3"}, "level3"),
        (
            {"type": "subscribe", "channel": "level2", "product_ids": ["NO-NE"]},
            "NO-NE is not a valid product",
        ),
    ],
)
def test_wrong_request_is_answered_with_an_error_without_a_number(
    message: object, words: str
) -> None:
    (error,) = Client().ask(message)
    assert error["type"] == "error"
    assert words in json.dumps(error)
    assert "sequence_num" not in error


def test_gap_and_lost_updates_skip_numbers() -> None:
    for fault, missing in (
        ("gap?by=3", 3),
        ("swallow?symbol=BTC/USD", 1),
    ):
        client = Client()
        client.subscribe("BTC-USD")
        client.session.beat()
        inject(client.venue, client, fault)
        client.frames()
        frames = client.moved("BTC/USD", 3)
        assert frames[0]["sequence_num"] == 2 + missing, fault


def test_repeat_and_reorder_keep_the_numbers_of_the_frames() -> None:
    for fault, numbers in (("repeat", [2, 2, 3]), ("reorder", [3, 2])):
        client = Client()
        client.subscribe("BTC-USD")
        client.session.beat()
        inject(client.venue, client, f"{fault}?symbol=BTC/USD")
        client.frames()
        frames = client.moved("BTC/USD", 2)
        assert [frame["sequence_num"] for frame in frames][: len(numbers)] == numbers


def test_early_sends_an_update_before_the_snapshot() -> None:
    client = Client()
    inject(client.venue, client, "early?symbol=BTC/USD")
    kinds = [frame["events"][0]["type"] for frame in client.subscribe("BTC-USD")]
    assert kinds == ["update", "snapshot"]


def test_crossed_update_has_a_bid_at_the_best_ask() -> None:
    client, book = Client(), NaiveLevel2()
    book.apply(client.subscribe("BTC-USD"))
    inject(client.venue, client, "crossed?symbol=BTC/USD")
    book.apply(client.moved("BTC/USD"))
    assert book.top("BTC-USD", "bid")[0][0] == book.top("BTC-USD", "offer")[0][0]


def test_level_has_more_decimals_than_the_increment() -> None:
    client = Client()
    client.subscribe("BTC-USD")
    client.session.beat()
    inject(client.venue, client, "level?symbol=BTC/USD")
    client.frames()
    update = client.moved("BTC/USD")[0]["events"][0]["updates"][0]
    assert len(update["price_level"].partition(".")[2]) > 2


@pytest.mark.parametrize("levels", [20, 5000])
def test_levels_option_sets_the_size_of_the_snapshot(levels: int) -> None:
    client = Client("BTC-USD", levels=levels)
    (snapshot,) = client.subscribe("BTC-USD")
    assert len(snapshot["events"][0]["updates"]) == 2 * levels


def test_recorded_frames_have_the_same_keys_and_number_texts(recorded: FindRecording) -> None:
    lines = recorded("venues/coinbase-btcusd.jsonl").read_text().splitlines()
    made: dict[str, str] = {}
    client = Client("BTC-USD")
    client.session.receive('{"type":"subscribe","product_ids":["BTC-USD"],"channel":"level2"}')
    client.venue.exchange.admit()
    client.venue.exchange.move("BTC/USD")
    client.session.beat()
    for text in client.link.take():
        made.setdefault(form_of(text), text)
    for line in lines:
        frame = json.loads(line)
        if frame["channel"] == "l2_data" and not frame["events"][0]["updates"]:
            continue
        assert form_of(line) in made
        for update in frame["events"][0].get("updates", ()):
            for number, precision in ((update["price_level"], 2), (update["new_quantity"], 8)):
                units = int(Decimal(number).scaleb(precision))
                assert number_text(units, precision) == number


def form_of(text: str) -> str:
    """Return the keys of a frame in order, with words in place of its values."""
    frame = json.loads(text)
    event = frame["events"][0]
    if "updates" in event:
        event["updates"] = event["updates"][:1]
        event["updates"][0]["side"] = "bid"
    keys = re.sub(r'"[^"]*"(?!:)|\d+', "_", json.dumps(frame))
    return f"{frame['channel']} {event.get('type')} {keys}"
