"""A connection to Bitfinex: its counter, its checksums, and numbers as JavaScript writes them."""

from __future__ import annotations

from zlib import crc32

import pytest

from collector.venues.bitfinex.checksum import WireBook
from collector.venues.bitfinex.pairs import decode_pairs, precision_of
from collector.venues.bitfinex.venue import bitfinex_traits
from collector.venues.sequenced.protocol import BookMessage, VenuePair
from collector.venues.session import SequenceGap, VenueRestarts
from kraken_book.precision import Precision
from tests.collector.venues.sequenced.venue_side import VenueConversation

BTC, ETH = (
    VenuePair(f"{base}/USD", f"t{base}USD", Precision(5, 8), "online", is_traded=True)
    for base in ("BTC", "ETH")
)


def signed(text: str) -> int:
    value = crc32(text.encode())
    return value - (1 << 32) if value >= 1 << 31 else value


class Bitfinex(VenueConversation):
    """Bitfinex's side of a connection; channels 1 and 2 have the books."""

    def __init__(self, *, depth: int = 10) -> None:
        super().__init__(bitfinex_traits(depth), (BTC, ETH), depth)
        self.number = 0
        self.take({"event": "info", "version": 2, "platform": {"status": 1}})
        self.first_requests = self.requests()
        self.take({"event": "conf", "status": "OK", "flags": 229376})
        for channel, pair in ((1, "tBTCUSD"), (2, "tETHUSD")):
            self.grant(channel, pair)

    def grant(self, channel: int, pair: str) -> None:
        self.take({"event": "subscribed", "channel": "book", "chanId": channel, "symbol": pair})

    def send(self, channel: int, *content: str) -> None:
        """Send a frame with these parts, as they are written."""
        self.number += 1
        parts = [str(channel), *content, str(self.number), "1564617600541"]
        self.take(f"[{','.join(parts)}]".encode())

    def snapshot(self, channel: int = 1) -> None:
        self.send(channel, "[[6000,1,1],[5900,3,2],[6100,1,-3],[6200,1,-4]]")


def test_connection_asks_for_numbers_and_checksums_first() -> None:
    conf, first, second = Bitfinex().first_requests
    assert conf == {"event": "conf", "flags": 229376}
    assert (first["symbol"], second["symbol"]) == ("tBTCUSD", "tETHUSD")
    assert (first["prec"], first["freq"], first["len"]) == ("P0", "F0", "25")


def test_signs_are_sides_and_count_zero_removes() -> None:
    venue = Bitfinex()
    venue.snapshot()
    venue.send(1, "[6000,0,1]")
    venue.send(1, "[6150,2,-0.5]")
    venue.send(1, "[6100,0,-1]")
    bids, asks = venue.sides("BTC/USD")
    assert bids == [("5900.0", "2.00000000")]
    assert asks == [("6150.0", "0.50000000"), ("6200.0", "4.00000000")]


@pytest.mark.parametrize("skipped", [1, -1])
def test_missing_number_ends_the_connection(skipped: int) -> None:
    venue = Bitfinex()
    venue.snapshot()
    venue.number += skipped
    with pytest.raises(SequenceGap):
        venue.send(2, '"hb"')


def test_heartbeats_and_frames_of_other_channels_are_counted() -> None:
    venue = Bitfinex()
    venue.snapshot()
    venue.send(2, '"hb"')
    venue.send(77, '"te"', "[1,2,3,4]")
    venue.send(77, "[1,2,3]")
    venue.send(1, "[6000,1,1.5]")
    assert venue.sides("BTC/USD")[0][0] == ("6000.0", "1.50000000")


def test_wrong_checksum_resyncs_its_book_alone() -> None:
    venue = Bitfinex()
    venue.snapshot()
    venue.snapshot(2)
    right = signed("6000:1:6100:-3:5900:2:6200:-4")
    venue.send(1, '"cs"', str(right))
    assert venue.books["BTC/USD"].is_live
    venue.send(1, '"cs"', str(right + 1))
    assert (venue.books["BTC/USD"].status, venue.books["BTC/USD"].reason) == ("syncing", "checksum")
    assert venue.books["ETH/USD"].is_live
    (left,) = venue.requests()
    assert left == {"event": "unsubscribe", "chanId": 1}
    venue.take({"event": "unsubscribed", "status": "OK", "chanId": 1})
    (again,) = venue.requests(seconds=1)
    assert again["symbol"] == "tBTCUSD"
    venue.grant(9, "tBTCUSD")
    venue.snapshot(9)
    assert venue.books["BTC/USD"].is_live


def test_checksum_covers_numbers_as_javascript_writes_them() -> None:
    wire = WireBook()
    wire.set("1.7e-7", "250", is_bid=True)
    wire.set("1.8e-7", "-13.33333333", is_bid=False)
    assert wire.checksum() == signed("1.7e-7:250:1.8e-7:-13.33333333")
    wire.remove("1.7e-7", is_bid=True)
    wire.remove("5", is_bid=True)
    assert wire.checksum() == signed("1.8e-7:-13.33333333")


def test_checksum_covers_the_best_25_levels_of_each_side() -> None:
    wire = WireBook()
    for price in range(100, 130):
        wire.set(str(price), "1", is_bid=True)
        wire.set(str(price + 100), "-1", is_bid=False)
    parts = [f"{129 - at}:1:{200 + at}:-1" for at in range(25)]
    assert wire.checksum() == signed(":".join(parts))


def test_small_numbers_are_exact() -> None:
    venue = Bitfinex()
    venue.send(1, "[[1.7e-7,1,250],[1.8e-7,1,-13.33333333]]")
    assert venue.sides("BTC/USD") == (
        [("0.00000017000", "250.00000000")],
        [("0.00000018000", "13.33333333")],
    )


@pytest.mark.parametrize(
    ("prices", "decimals"),
    [(["54321", "54300"], 0), (["5432.1", "5400"], 1), (["1.2", "0.98765"], 5), (["216"], 2)],
)
def test_precision_has_five_significant_digits_of_the_lowest_price(
    prices: list[str], decimals: int
) -> None:
    snapshot = BookMessage("tX", [(price, "1") for price in prices], [], None, is_snapshot=True)
    assert precision_of(BTC, snapshot) == Precision(decimals, 8)


def test_price_with_more_decimals_resyncs_the_book() -> None:
    venue = Bitfinex()
    venue.send(1, "[[10010,1,1],[10020,1,-1]]")
    venue.send(1, "[9999.9,1,1]")
    assert venue.books["BTC/USD"].reason == "precision"


@pytest.mark.parametrize("code", [20051, 20061])
def test_restart_and_end_of_maintenance_end_the_connection(code: int) -> None:
    venue = Bitfinex()
    with pytest.raises(VenueRestarts):
        venue.take({"event": "info", "code": code, "msg": "…"})


def test_maintenance_is_reported() -> None:
    venue = Bitfinex()
    venue.take({"event": "info", "code": 20060, "msg": "…"})
    assert venue.session.system == "maintenance"


def test_refused_pair_has_the_reason() -> None:
    venue = VenueConversation(bitfinex_traits(10), (BTC,))
    venue.requests()
    error = {"event": "error", "msg": "symbol: invalid", "code": 10300, "symbol": "tBTCUSD"}
    venue.take(error)
    assert venue.books["BTC/USD"].status == "refused"
    assert venue.books["BTC/USD"].reason == "10300: symbol: invalid"


@pytest.mark.parametrize("data", [b"", b"[1]", b"[1,[1,2],3]", b'["x","hb",1]', b"{}", b"\xff"])
def test_frame_that_cannot_be_decoded_ends_the_connection(data: bytes) -> None:
    venue = Bitfinex()
    with pytest.raises(SequenceGap):
        venue.take(data)


def test_pairs_are_split_and_test_pairs_are_not_traded() -> None:
    body = b'[["BTCUSD","AVAX:USD","TESTBTC:TESTUSD","BTCUST"]]'
    found = {pair.symbol: (pair.name, pair.is_traded) for pair in decode_pairs(body)}
    assert found == {
        "BTC/USD": ("tBTCUSD", True),
        "AVAX/USD": ("tAVAX:USD", True),
        "TESTBTC/TESTUSD": ("tTESTBTC:TESTUSD", False),
        "BTC/UST": ("tBTCUST", True),
    }


def test_refused_unsubscribe_counts_as_unsubscribed() -> None:
    venue = Bitfinex()
    venue.snapshot()
    venue.send(1, '"cs"', "1")
    assert [each["event"] for each in venue.requests()] == ["unsubscribe"]
    venue.take({"event": "error", "msg": "unsubscribe: invalid", "code": 10400, "chanId": 1})
    assert [each["symbol"] for each in venue.requests(seconds=1)] == ["tBTCUSD"]
