"""One connection of the simulated Binance, frame by frame, and its join with REST."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from lab.recordings import FindRecording
from simulator.faults.kinds import Mute
from simulator.protocols.binance.frames import combined, diff_text, number_text
from simulator.protocols.binance.protocol import SimulatedBinance
from simulator.protocols.pairs import MarketOptions
from tests.simulator.protocols.scene import SessionClient, get_json, inject

DEPTH = "/api/v3/depth?symbol=BTCUSDT&limit=5000"


class NaiveDepth:
    """A client's book that follows Binance's procedure for a local book."""

    def __init__(self, snapshot: Any) -> None:
        self.last_id = snapshot["lastUpdateId"]
        self.joined = False
        self.orphans = 0
        self.sides = {
            side: {Decimal(price): Decimal(qty) for price, qty in snapshot[name]}
            for side, name in (("b", "bids"), ("a", "asks"))
        }

    def apply(self, diff: Any) -> None:
        if diff["u"] <= self.last_id:
            return
        if self.joined:
            assert diff["U"] == self.last_id + 1, "a gap"
        else:
            assert diff["U"] <= self.last_id + 1 <= diff["u"], "no join"
            self.joined = True
        for side, levels in self.sides.items():
            for price, qty in diff[side]:
                if Decimal(qty):
                    levels[Decimal(price)] = Decimal(qty)
                elif levels.pop(Decimal(price), None) is None:
                    self.orphans += 1
        self.last_id = diff["u"]


class Client(SessionClient):
    """A session with two markets that move on request only."""

    def __init__(self, path: str = "/ws", *symbols: str) -> None:
        options = MarketOptions(symbols or ("BTCUSDT", "ETHUSDT"), rate=0.0)
        super().__init__(SimulatedBinance(options), path)

    def subscribe(self, *streams: str) -> list[Any]:
        answers = self.ask({"method": "SUBSCRIBE", "params": streams, "id": 1})
        return answers + self.admitted()

    def diffs(self, symbol: str = "BTC/USDT", moves: int = 3, speed: int = 100) -> list[Any]:
        """Move a market, and return the diffs of the interval."""
        frames = self.moved(symbol, moves)
        assert isinstance(self.venue, SimulatedBinance)
        self.venue.flush(speed)
        return frames + self.frames()


def test_diffs_join_the_rest_book_and_keep_it_right() -> None:
    client = Client()
    assert client.subscribe("btcusdt@depth@100ms") == [{"result": None, "id": 1}]
    buffered = client.diffs() + client.moved("BTC/USDT", 2)
    book = NaiveDepth(get_json(client.venue, DEPTH))
    for _ in range(100):
        buffered += client.diffs()
    for diff in buffered:
        assert diff["e"] == "depthUpdate"
        assert diff["s"] == "BTCUSDT"
        book.apply(diff)
    assert book.joined
    fresh = NaiveDepth(get_json(client.venue, DEPTH))
    assert book.sides == fresh.sides
    assert book.last_id == fresh.last_id
    assert book.orphans > 10, "deletes of levels that were never there are routine"


def test_diff_has_several_changes_and_each_price_once() -> None:
    client = Client()
    client.subscribe("btcusdt@depth")
    (diff,) = client.diffs(moves=50, speed=1000)
    assert diff["u"] - diff["U"] >= 49
    prices = [price for price, _ in diff["b"]]
    assert len(prices) == len(set(prices))
    assert client.diffs(moves=0, speed=1000) == [], "an interval without changes has no diff"


def test_url_names_streams_and_stream_path_combines_them() -> None:
    for path, is_combined in (
        ("/ws/btcusdt@depth@100ms", False),
        ("/stream?streams=btcusdt@depth@100ms/ethusdt@depth@100ms", True),
    ):
        client = Client(path)
        client.admitted()
        (frame,) = client.diffs()
        assert ("stream" in frame) == is_combined
        if is_combined:
            assert frame["stream"] == "btcusdt@depth@100ms"
            assert frame["data"]["s"] == "BTCUSDT"


def test_time_unit_in_the_url_makes_microseconds() -> None:
    for query, digits in (("", 13), ("&timeUnit=MICROSECOND", 16)):
        client = Client(f"/stream?streams=btcusdt@depth@100ms{query}")
        client.admitted()
        (frame,) = client.diffs()
        assert len(str(frame["data"]["E"])) == digits


def test_requests_are_answered_with_their_id() -> None:
    client = Client()
    client.subscribe("btcusdt@depth@100ms", "ethusdt@depth")
    assert client.ask({"method": "LIST_SUBSCRIPTIONS", "id": "x"}) == [
        {"result": ["btcusdt@depth@100ms", "ethusdt@depth"], "id": "x"}
    ]
    params = {"method": "UNSUBSCRIBE", "params": ["btcusdt@depth@100ms"], "id": 3}
    assert client.ask(params) == [{"result": None, "id": 3}]
    assert client.diffs() == []
    (error,) = client.ask({"method": "GUESS", "id": 4})
    assert error["error"]["code"] == 2


def test_stream_of_an_unknown_symbol_is_accepted_and_silent() -> None:
    client = Client()
    assert client.subscribe("nonesuch@depth@100ms", "BTCUSDT@depth@100ms") == [
        {"result": None, "id": 1}
    ]
    assert client.diffs() == []


def test_sixth_message_in_a_second_ends_the_connection() -> None:
    client = Client()
    for number in range(5):
        assert client.ask({"method": "LIST_SUBSCRIPTIONS", "id": number})
    assert client.link.ended is None
    client.ask({"method": "LIST_SUBSCRIPTIONS", "id": 6})
    assert client.link.ended is not None


def test_symbol_that_is_not_ascii_is_served() -> None:
    client = Client("/ws/币安人生usdt@depth@100ms", "币安人生USDT")
    client.admitted()
    (diff,) = client.diffs("币安人生/USDT")
    assert diff["s"] == "币安人生USDT"
    listed = get_json(client.venue, "/api/v3/exchangeInfo")["symbols"]
    assert [each["symbol"] for each in listed] == ["币安人生USDT"]


@pytest.mark.parametrize("fault", ["gap?symbol=BTC/USDT&by=5", "swallow?symbol=BTC/USDT"])
def test_lost_changes_leave_a_gap_of_ids(fault: str) -> None:
    client = Client()
    client.subscribe("btcusdt@depth@100ms")
    (before,) = client.diffs()
    inject(client.venue, client, fault)
    after = (client.diffs() + client.diffs())[0]
    assert after["U"] > before["u"] + 1


def test_mute_of_a_symbol_leaves_a_gap_of_ids() -> None:
    client = Client()
    client.subscribe("btcusdt@depth@100ms", "ethusdt@depth@100ms")
    (before,) = client.diffs()
    (other,) = client.diffs("ETH/USDT")
    client.venue.exchange.inject(Mute(seconds=3600, symbol="BTC/USDT"))
    assert client.diffs() == []
    assert client.diffs("ETH/USDT")[0]["U"] == other["u"] + 1
    client.venue.exchange.clear_faults()
    assert client.diffs()[0]["U"] > before["u"] + 1


def test_repeat_and_reorder_are_of_one_stream() -> None:
    for fault, order in (("repeat", [0, 0, 1]), ("reorder", [1, 0])):
        client = Client()
        client.subscribe("btcusdt@depth@100ms", "ethusdt@depth@100ms")
        inject(client.venue, client, f"{fault}?symbol=BTC/USDT")
        frames = client.diffs() + client.diffs("ETH/USDT") + client.diffs()
        ids = [frame["U"] for frame in frames if frame["s"] == "BTCUSDT"]
        assert ids == [sorted(set(ids))[each] for each in order]


def test_crossed_and_level_spoil_one_diff() -> None:
    client = Client()
    client.subscribe("btcusdt@depth@100ms")
    book = NaiveDepth(get_json(client.venue, DEPTH))
    inject(client.venue, client, "crossed?symbol=BTC/USDT")
    book.apply(client.diffs()[0])
    assert max(book.sides["b"]) >= min(book.sides["a"])
    inject(client.venue, client, "level?symbol=BTC/USDT")
    (diff,) = client.diffs()
    assert any(price[-6] != "0" for price, _ in diff["b"] + diff["a"])


def test_restart_is_announced() -> None:
    client = Client()
    inject(client.venue, client, "restart?delay=1")
    (event,) = client.frames()
    assert event["e"] == "serverShutdown"


@pytest.mark.parametrize("name", ["binance-blzeth", "binance-nknusdt"])
def test_recorded_diffs_are_rendered_byte_for_byte(recorded: FindRecording, name: str) -> None:
    for line in recorded(f"venues/{name}.tape").read_text().splitlines():
        text = line.partition(" ")[2]
        frame = json.loads(text)
        data = frame["data"]
        bids, asks = (json.dumps(data[side], separators=(",", ":")) for side in ("b", "a"))
        made = diff_text(data["s"], data["E"], data["U"], data["u"], bids, asks)
        assert combined(frame["stream"], made) == text
        for price, _ in data["b"] + data["a"]:
            assert number_text(int(Decimal(price).scaleb(8)), 8) == price
