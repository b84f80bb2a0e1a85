"""One connection of the simulated Bitfinex, message by message."""

from __future__ import annotations

import json
import zlib
from decimal import Decimal
from itertools import zip_longest
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.recordings import FindRecording
from simulator.protocols.bitfinex.numbers import javascript_text
from simulator.protocols.bitfinex.protocol import SimulatedBitfinex
from simulator.protocols.bitfinex.rounded_book import significant
from simulator.protocols.pairs import MarketOptions
from tests.simulator.protocols.scene import SessionClient, inject

ALL_FLAGS = 32768 + 65536 + 131072


class NaiveBook:
    """A client's book of one channel, with the texts of its numbers."""

    def __init__(self) -> None:
        self.bids: dict[Decimal, tuple[str, str]] = {}
        self.asks: dict[Decimal, tuple[str, str]] = {}

    def apply(self, level: list[str]) -> None:
        price, count, amount = level
        side = self.asks if amount.startswith("-") else self.bids
        if count == "0":
            assert amount in {"1", "-1"}
            del side[Decimal(price)]
        else:
            side[Decimal(price)] = (price, amount)

    def checksum(self) -> int:
        bids = [self.bids[price] for price in sorted(self.bids, reverse=True)][:25]
        asks = [self.asks[price] for price in sorted(self.asks)][:25]
        turns = [
            text for pair in zip_longest(bids, asks) for level in pair if level for text in level
        ]
        value = zlib.crc32(":".join(turns).encode())
        return value - (value >> 31 << 32)


class NaiveChannels:
    """A client that keeps numbers as texts, counts all messages and checks every checksum."""

    def __init__(self) -> None:
        self.books: dict[str, NaiveBook] = {}
        self.last_number = 0
        self.proved = self.beats = 0

    def apply(self, texts: list[str]) -> None:
        for text in texts:
            message = json.loads(text, parse_float=str, parse_int=str)
            if isinstance(message, dict):
                continue
            number, content, *rest = message
            self.last_number += 1
            assert int(rest[-2]) == self.last_number, "a gap"
            assert len(rest[-1]) == 13
            if content == "hb":
                self.beats += 1
            elif content == "cs":
                assert self.books[number].checksum() == int(rest[0])
                self.proved += 1
            elif isinstance(content[0], list):
                self.books[number] = NaiveBook()
                for level in content:
                    self.books[number].apply(level)
            else:
                self.books[number].apply(content)


class Client(SessionClient):
    """A session whose markets move on request only."""

    def __init__(self, *symbols: str, flags: int = ALL_FLAGS, heartbeat: int | None = None) -> None:
        options = MarketOptions(
            symbols or ("tBTCUSD", "tETHUSD"), rate=0.0, heartbeat_seconds=heartbeat
        )
        super().__init__(SimulatedBitfinex(options))
        self.link.take()
        if flags:
            assert self.ask({"event": "conf", "flags": flags})[0]["status"] == "OK"

    def subscribe(self, symbol: str, **options: object) -> Any:
        """Return the answer to a subscription."""
        request = {"event": "subscribe", "channel": "book", "symbol": symbol, "prec": "P0"}
        (answer,) = self.ask({**request, "freq": "F0", "len": "25", **options})
        return answer

    def texts(self) -> list[str]:
        """Admit waiting channels; return the texts of all messages."""
        for _ in range(100):
            if self.venue.exchange.admit():
                break
        return self.link.take()

    def moved_texts(self, symbol: str, times: int = 1) -> list[str]:
        for _ in range(times):
            self.venue.exchange.move(symbol)
        return self.link.take()


@pytest.mark.parametrize("length", ["1", "25", "100", "250"])
@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("tBTCUSD", "BTC/USD"),
        ("tUSTUSD", "UST/USD"),
        ("tSHIB:BTC", "SHIB/BTC"),
        ("tPEPE:USD", "PEPE/USD"),
        ("tMINUSD", "MIN/USD"),
    ],
)
def test_numbered_messages_keep_the_window_and_its_checksum_right(
    name: str, symbol: str, length: str
) -> None:
    client, naive = Client(name), NaiveChannels()
    channel = str(client.subscribe(name, len=length)["chanId"])
    naive.apply(client.texts())
    for _ in range(150):
        naive.apply(client.moved_texts(symbol, 2))
    # A checksum is over 25 levels of the venue's book only if the window has as many.
    assert naive.proved > 10
    book = client.venue.book(client.venue.exchange.listing(symbol), int(length))
    held = naive.books[channel]
    for levels, side in ((book["bids"], held.bids), (book["asks"], held.asks)):
        assert {Decimal(price): Decimal(amount) for price, amount in levels} == {
            price: abs(Decimal(amount)) for price, (_, amount) in side.items()
        }
        assert len(side) <= int(length)


def test_connection_numbers_the_messages_of_all_channels() -> None:
    client, naive = Client(heartbeat=2), NaiveChannels()
    client.subscribe("tBTCUSD")
    client.subscribe("tETHUSD")
    naive.apply(client.texts())
    for _ in range(20):
        naive.apply(client.moved_texts("BTC/USD") + client.moved_texts("ETH/USD"))
    assert naive.beats == 0
    for _ in range(3):
        client.session.beat()
    naive.apply(client.texts())
    assert naive.beats == 2
    assert len(naive.books) == 2


def test_flags_decide_about_number_time_and_checksum() -> None:
    for flags, fields in ((0, 2), (32768, 3), (65536, 3), (32768 + 65536, 4)):
        client = Client(flags=flags)
        client.subscribe("tBTCUSD")
        (snapshot,) = client.texts()
        assert len(json.loads(snapshot)) == fields
        texts = client.moved_texts("BTC/USD", 30)
        assert not any('"cs"' in text for text in texts)


def test_first_message_tells_version_and_status() -> None:
    venue = SimulatedBitfinex(MarketOptions(("tBTCUSD",), rate=0.0))
    (info,) = SessionClient(venue).frames()
    assert (info["event"], info["version"], info["platform"]) == ("info", 2, {"status": 1})


@pytest.mark.parametrize(
    ("symbol", "options", "code"),
    [
        ("tNOSUCH", {}, 10300),
        ("BTCUSD", {}, 10300),
        ("tBTCUSD", {"len": "26"}, 10300),
        ("tBTCUSD", {"prec": "P9"}, 10300),
        ("tBTCUSD", {"channel": "gossip"}, 10302),
    ],
)
def test_refused_subscription_has_its_code(symbol: str, options: Any, code: int) -> None:
    answer = Client().subscribe(symbol, **options)
    assert (answer["event"], answer["code"], answer["symbol"]) == ("error", code, symbol)


def test_duplicate_channel_and_channel_beyond_the_limit_are_refused() -> None:
    symbols = [f"A{number:02d}USD" for number in range(30)]
    client = Client(*symbols)
    answers = [client.subscribe(f"t{symbol}") for symbol in symbols]
    assert [answer.get("code") for answer in answers] == [None] * 25 + [10305] * 5
    assert client.subscribe("tA00USD")["code"] == 10301


def test_unsubscribed_channel_ends_and_a_new_one_has_another_number() -> None:
    client = Client()
    first = client.subscribe("tBTCUSD")["chanId"]
    client.texts()
    (answer,) = client.ask({"event": "unsubscribe", "chanId": first})
    assert answer == {"event": "unsubscribed", "status": "OK", "chanId": first}
    assert client.moved_texts("BTC/USD", 20) == []
    assert client.subscribe("tBTCUSD")["chanId"] != first
    assert client.ask({"event": "unsubscribe", "chanId": 1})[0]["code"] == 10401


@pytest.mark.parametrize("fault", ["gap?by=3", "swallow?symbol=BTC/USD"])
def test_lost_messages_leave_a_gap(fault: str) -> None:
    client, naive = Client(), NaiveChannels()
    client.subscribe("tBTCUSD")
    naive.apply(client.texts())
    inject(client.venue, client, fault)
    texts = client.moved_texts("BTC/USD", 20)
    with pytest.raises(AssertionError, match="a gap"):
        naive.apply(texts)


def test_corrupt_checksum_is_wrong_once_and_the_book_stays_right() -> None:
    client, naive = Client(), NaiveChannels()
    client.subscribe("tBTCUSD")
    naive.apply(client.texts())
    inject(client.venue, client, "corrupt?symbol=BTC/USD")
    wrong = 0
    for text in client.moved_texts("BTC/USD", 40):
        try:
            naive.apply([text])
        except AssertionError:
            wrong += 1
    assert wrong == 1
    assert naive.proved > 3


def test_repeat_reorder_and_crossed() -> None:
    for fault in ("repeat", "reorder"):
        client = Client()
        client.subscribe("tBTCUSD")
        client.texts()
        inject(client.venue, client, f"{fault}?symbol=BTC/USD")
        numbers = [json.loads(text)[-2] for text in client.moved_texts("BTC/USD", 20)]
        assert numbers != list(range(2, 2 + len(numbers))), fault
        assert sorted(set(numbers)) == list(range(2, 2 + len(set(numbers)))), fault
    client, naive = Client(flags=98304), NaiveChannels()
    channel = str(client.subscribe("tBTCUSD")["chanId"])
    naive.apply(client.texts())
    inject(client.venue, client, "crossed?symbol=BTC/USD")
    while not (texts := client.moved_texts("BTC/USD")):
        pass
    naive.apply(texts)
    book = naive.books[channel]
    assert max(book.bids) >= min(book.asks)


def test_level_has_more_than_five_significant_digits() -> None:
    client = Client()
    client.subscribe("tBTCUSD")
    client.texts()
    inject(client.venue, client, "level?symbol=BTC/USD")
    prices = [
        str(json.loads(text, parse_float=str)[1][0])
        for text in client.moved_texts("BTC/USD", 20)
        if '"' not in text
    ]
    assert sum("." in price for price in prices) == 1


@pytest.mark.parametrize("precision", ["price=3&qty=8", "price=0&qty=6"])
def test_changed_precision_keeps_the_window_and_its_checksum_right(precision: str) -> None:
    client, naive = Client(), NaiveChannels()
    client.subscribe("tBTCUSD")
    naive.apply(client.texts())
    naive.apply(client.moved_texts("BTC/USD", 10))
    inject(client.venue, client, f"precision?symbol=BTC/USD&{precision}")
    proved = naive.proved
    naive.apply(client.moved_texts("BTC/USD", 50))
    assert naive.proved > proved + 3


def test_restart_and_maintenance_are_announced() -> None:
    client = Client()
    client.subscribe("tBTCUSD")
    client.texts()
    inject(client.venue, client, "restart")
    assert [frame["code"] for frame in client.frames()] == [20051]
    inject(client.venue, client, "maintenance?seconds=3600")
    assert [frame["code"] for frame in client.frames()] == [20060]
    assert client.moved_texts("BTC/USD", 20) == []
    client.venue.active_faults.clear()
    client.session.beat()
    assert [frame["code"] for frame in client.frames()] == [20061]
    assert client.moved_texts("BTC/USD", 20)


@pytest.mark.parametrize(
    ("units", "precision", "text"),
    [
        (633810, 1, "63381"),
        (1, 0, "1"),
        (-15, 1, "-1.5"),
        (1234, 8, "0.00001234"),
        (1, 6, "0.000001"),
        (1, 7, "1e-7"),
        (1234, 10, "1.234e-7"),
        (-123, 12, "-1.23e-10"),
        (10**21, 0, "1e+21"),
        (10**20, 0, "100000000000000000000"),
        (0, 3, "0"),
    ],
)
def test_numbers_are_written_as_javascript_does(units: int, precision: int, text: str) -> None:
    assert javascript_text(units, precision) == text


@given(units=st.integers(1, 10**15 - 1), precision=st.integers(0, 15))
def test_javascript_text_is_exact(units: int, precision: int) -> None:
    assert Decimal(javascript_text(units, precision)) == Decimal(units).scaleb(-precision)


@given(units=st.integers(1, 10**12), sign=st.sampled_from([1, -1]))
def test_significant_prices_have_five_digits_and_never_cross(units: int, sign: int) -> None:
    price = significant(units, sign)
    assert len(str(price).rstrip("0")) <= 5
    assert price >= units if sign > 0 else price <= units


def test_recorded_numbers_are_those_of_javascript(recorded: FindRecording) -> None:
    checked = 0
    for line in recorded("venues/bitfinex.tape").read_text().splitlines():
        text = line.partition(" ")[2]
        if not text.startswith("["):
            continue
        content = json.loads(text, parse_float=str, parse_int=str)[1]
        levels = content if isinstance(content[0], list) else [content]
        for level in levels:
            for number in level if isinstance(level, list) else ():
                value = Decimal(number)
                exponent = value.as_tuple().exponent
                assert isinstance(exponent, int)
                units = int(value.scaleb(max(0, -exponent)))
                if len(str(abs(units))) <= 15:
                    assert javascript_text(units, max(0, -exponent)) == number
                    checked += 1
    assert checked > 3000
