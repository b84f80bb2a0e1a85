"""A connection to Binance: ranges of numbers, and joins with snapshots by REST."""

from __future__ import annotations

import msgspec
import pytest

from collector.venues.binance.pairs import decode_depth, decode_pairs, depth_path
from collector.venues.binance.venue import binance_traits
from collector.venues.sequenced.protocol import RestSnapshot, VenuePair
from collector.venues.session import VenueRestarts
from kraken_book.precision import Precision
from tests.collector.venues.sequenced.venue_side import VenueConversation

BTC = VenuePair("BTC/USDT", "BTCUSDT", Precision(2, 5), "TRADING", is_traded=True)
ETH = VenuePair("ETH/USDT", "ETHUSDT", Precision(2, 4), "TRADING", is_traded=True)
BIDS = [("99.50000000", "1.00000000"), ("99.00000000", "2.00000000")]
ASKS = [("100.05000000", "3.00000000")]


class Binance(VenueConversation):
    """Binance's side of a connection."""

    def __init__(self, *pairs: VenuePair, depth: int = 10) -> None:
        super().__init__(binance_traits(depth), pairs or (BTC,), depth)
        (request,) = self.requests()
        self.first_request = request
        self.grant(request)

    def grant(self, request: dict[str, object]) -> None:
        self.take({"result": None, "id": request["id"]})

    def change(
        self, first: int, last: int, bids: object = (), asks: object = (), pair: str = "BTCUSDT"
    ) -> None:
        time = 1_787_612_486_635 + int(self.now * 1000)
        self.take(
            {"e": "depthUpdate", "E": time, "s": pair, "U": first, "u": last, "b": bids, "a": asks}
        )

    def answer(self, last: int | None, bids: object = BIDS, asks: object = ASKS) -> None:
        """Answer the oldest request for a snapshot."""
        _, on_answer = self.asked.pop(0)
        if last is None:
            on_answer(None)
            return
        body = {"lastUpdateId": last, "bids": bids, "asks": asks}
        on_answer(decode_depth(msgspec.json.encode(body), 1000))

    def join(self, last: int = 100) -> None:
        self.change(last - 5, last + 1)
        self.answer(last)

    def status(self) -> tuple[str, str | None]:
        """Return the status of BTC/USDT, and its reason."""
        book = self.books["BTC/USDT"]
        return book.status, book.reason


def test_streams_are_named_in_lower_case() -> None:
    venue = Binance(BTC, ETH)
    assert venue.first_request["method"] == "SUBSCRIBE"
    assert venue.first_request["params"] == ["btcusdt@depth@100ms", "ethusdt@depth@100ms"]


def test_snapshot_is_asked_for_after_the_first_change_and_joined() -> None:
    venue = Binance()
    assert venue.asked == []
    venue.change(90, 95, bids=[("1.00000000", "1.00000000")])
    venue.change(96, 101, asks=[("100.01000000", "0.50000000")])
    venue.change(102, 103, bids=[("99.50000000", "0.00000000")])
    assert [pair for pair, _ in venue.asked] == ["BTCUSDT"]
    venue.answer(100)
    # The first change is in the snapshot, and was dropped.
    assert venue.sides("BTC/USDT") == (
        [("99.00", "2.00000")],
        [("100.01", "0.50000"), ("100.05", "3.00000")],
    )
    venue.change(104, 104, bids=[("99.20000000", "1.00000000")])
    assert venue.sides("BTC/USDT")[0][0] == ("99.20", "1.00000")


@pytest.mark.parametrize("first", [101, 100, 95])
def test_first_change_may_begin_at_the_next_number_or_before(first: int) -> None:
    venue = Binance()
    venue.change(first, 105)
    venue.answer(100)
    assert venue.status() == ("live", None)


def test_snapshot_older_than_the_stream_is_asked_for_again_after_a_pause() -> None:
    venue = Binance()
    venue.change(90, 95)
    for _ in range(3):
        venue.answer(88)
        assert venue.asked == []
        venue.wait(8.0)
        assert len(venue.asked) == 1
    venue.answer(89)
    assert venue.status() == ("live", None)


def test_snapshots_that_are_all_too_old_or_fail_end_the_attempt() -> None:
    venue = Binance()
    venue.change(90, 95)
    for last in (88, None, 88, None, 88, None):
        venue.answer(last)
        venue.wait(40.0)
        if venue.status()[1] is not None:
            break
    assert venue.status() == ("syncing", "unanswered")


def test_pair_without_a_change_is_joined_with_the_snapshot_alone() -> None:
    venue = Binance()
    venue.wait(6.0)
    venue.answer(100)
    assert venue.status() == ("live", None)
    # The first change must continue it.
    venue.change(102, 103)
    assert venue.status() == ("syncing", "sequence")


def test_granted_stream_that_delivers_nothing_is_found_by_another_snapshot() -> None:
    venue = Binance()
    venue.wait(6.0)
    venue.answer(100)
    assert venue.status() == ("live", None)
    # The pair is quiet: the same book again and again, more and more rarely.
    pauses = []
    for _ in range(3):
        begun = venue.now
        while not venue.asked:
            venue.wait(1.0)
        venue.answer(100)
        pauses.append(venue.now - begun)
    assert venue.status() == ("live", None)
    assert pauses == sorted(pauses)
    assert pauses[-1] > 2 * pauses[0]
    while not venue.asked:
        venue.wait(1.0)
    venue.answer(140, bids=[("99.70000000", "1.00000000"), *BIDS])
    assert venue.status() == ("syncing", "sequence")


def test_stream_that_delivers_needs_no_other_snapshot() -> None:
    venue = Binance()
    venue.wait(6.0)
    venue.answer(100)
    venue.change(101, 101)
    venue.wait(60.0)
    assert venue.asked == []
    assert venue.status() == ("live", None)


def test_missing_number_resyncs_only_its_pair() -> None:
    venue = Binance(BTC, ETH)
    venue.change(96, 101)
    venue.change(7, 7, pair="ETHUSDT")
    venue.answer(100)
    venue.answer(7)
    venue.change(103, 104)
    assert venue.status() == ("syncing", "sequence")
    assert venue.books["ETH/USDT"].is_live
    requests = venue.requests(seconds=3)
    assert [each["method"] for each in requests][:1] == ["UNSUBSCRIBE"]
    venue.grant(requests[0])
    (again,) = [each for each in venue.requests(seconds=3) if each["method"] == "SUBSCRIBE"]
    venue.grant(again)
    venue.join(200)
    assert venue.status() == ("live", None)


def test_repeated_change_is_ignored() -> None:
    venue = Binance()
    venue.join()
    venue.change(102, 102, bids=[("99.50000000", "5.00000000")])
    seen = list(venue.witnesses["BTC/USDT"].seen)
    venue.change(102, 102, bids=[("99.50000000", "5.00000000")])
    venue.change(90, 95, bids=[("99.50000000", "7.00000000")])
    assert venue.witnesses["BTC/USDT"].seen == seen
    assert venue.status() == ("live", None)


def levels(first: int, count: int, step: int) -> list[tuple[str, str]]:
    return [(f"{first + at * step}.00000000", "1.00000000") for at in range(count)]


def test_snapshot_that_is_nearly_used_up_is_renewed_while_the_book_stays_live() -> None:
    venue = Binance(depth=10)
    venue.change(96, 101)
    venue.answer(100, levels(5000, 1000, -1), levels(5001, 1000, 1))
    # Two pages of levels go: fewer than twenty are left.
    gone = [(price, "0.00000000") for price, _ in levels(5001, 985, 1)]
    venue.change(102, 102, asks=gone)
    assert venue.status() == ("live", None)
    venue.wait(1.0)
    venue.change(103, 103, bids=[("5000.00000000", "2.00000000")])
    assert len(venue.asked) == 1
    bids = [("5000.00000000", "2.00000000"), *levels(4999, 999, -1)]
    venue.answer(103, bids, levels(5001 + 985, 1000, 1))
    assert venue.status() == ("live", None)
    assert "snapshot" not in [kind for kind, _ in venue.witnesses["BTC/USDT"].seen[2:]]
    # The new levels are known: fifteen more may go.
    venue.change(104, 104, asks=[(price, "0.00000000") for price, _ in levels(5986, 50, 1)])
    assert venue.sides("BTC/USDT")[1][0] == ("6036.00", "1.00000")


def test_renewal_with_another_book_is_doubted() -> None:
    venue = Binance(depth=10)
    venue.change(96, 101)
    venue.answer(100, levels(5000, 1000, -1), levels(5001, 1000, 1))
    venue.change(102, 102, asks=[(price, "0.00000000") for price, _ in levels(5001, 985, 1)])
    venue.wait(1.0)
    venue.wait(6.0)
    venue.answer(102, levels(4999, 1000, -1), levels(5986, 1000, 1))
    assert venue.status() == ("syncing", "sequence")


def test_window_beyond_the_snapshot_is_doubted() -> None:
    venue = Binance(depth=10)
    venue.change(96, 101)
    venue.answer(100, levels(5000, 1000, -1), levels(5001, 1000, 1))
    venue.change(102, 102, asks=[(price, "0.00000000") for price, _ in levels(5001, 991, 1)])
    assert venue.status() == ("syncing", "window")


def test_shutdown_of_the_server_ends_the_connection() -> None:
    venue = Binance()
    with pytest.raises(VenueRestarts):
        venue.take({"e": "serverShutdown", "E": 1})


def test_refused_pair_has_the_reason_and_a_rate_limit_pauses_requests() -> None:
    venue = VenueConversation(binance_traits(10), [BTC])
    (request,) = venue.requests()
    venue.take({"code": 2, "msg": "Invalid request: unknown symbol", "id": request["id"]})
    assert venue.books["BTC/USDT"].status == "refused"
    assert "unknown symbol" in (venue.books["BTC/USDT"].reason or "")
    limited = {"error": {"code": -1003, "msg": "Too many requests"}, "id": None}
    venue.take(limited)
    assert venue.session.next_request(venue.now) is None


def test_refusal_of_several_pairs_refuses_only_the_wrong_one() -> None:
    pairs = [
        VenuePair(f"P{number}/USDT", f"P{number}USDT", BTC.precision, "TRADING", is_traded=True)
        for number in range(8)
    ]
    venue = VenueConversation(binance_traits(10), pairs)
    for _ in range(4):
        for request in venue.requests():
            if "p3usdt@depth@100ms" in request.get("params", ()):
                venue.take({"code": 2, "msg": "Invalid request: wrong", "id": request["id"]})
            else:
                venue.take({"result": None, "id": request["id"]})
        venue.wait(2.5)
    refused = {symbol for symbol, book in venue.books.items() if book.status == "refused"}
    assert refused == {"P3/USDT"}
    # The others have been granted: their snapshots are asked for if no change comes.
    venue.wait(6.0)
    assert {name for name, _ in venue.asked} == {pair.name for pair in pairs} - {"P3USDT"}


def test_rate_limited_request_is_repeated_and_refuses_no_pair() -> None:
    venue = VenueConversation(binance_traits(10), [BTC, ETH])
    (request,) = venue.requests()
    venue.take({"error": {"code": -1003, "msg": "Too many requests"}, "id": request["id"]})
    assert {book.status for book in venue.books.values()} == {"asked"}
    venue.wait(10.5)
    again = [each for each in venue.requests() if each["method"] == "SUBSCRIBE"]
    assert [each["params"] for each in again] == [request["params"]]


def test_broken_frame_doubts_its_pair_alone() -> None:
    venue = Binance(BTC, ETH)
    venue.change(96, 101)
    venue.change(7, 7, pair="ETHUSDT")
    venue.answer(100)
    venue.answer(7)
    venue.take(b'{"e":"depthUpdate","s":"BTCUSDT","U":102,"u":102,"b":[["x"')
    assert venue.status() == ("syncing", "frame")
    assert venue.books["ETH/USDT"].is_live


def test_combined_streams_have_the_frame_in_data() -> None:
    venue = Binance()
    venue.join()
    data = {"e": "depthUpdate", "E": 1, "s": "BTCUSDT", "U": 102, "u": 102, "b": [], "a": []}
    change = {**data, "b": [["99.70000000", "1.00000000"]]}
    venue.take({"stream": "btcusdt@depth@100ms", "data": change})
    assert venue.sides("BTC/USDT")[0][0] == ("99.70", "1.00000")


def test_quiet_connection_sends_a_ping() -> None:
    venue = Binance()
    venue.join()
    assert [each["method"] for each in venue.requests(seconds=3)] == ["LIST_SUBSCRIPTIONS"]


def test_pairs_are_decoded_with_their_steps() -> None:
    filters = [
        {"filterType": "PRICE_FILTER", "tickSize": "0.01000000", "minPrice": "1"},
        {"filterType": "LOT_SIZE", "stepSize": "0.00001000"},
    ]
    symbol = {"symbol": "BTCUSDT", "status": "TRADING", "baseAsset": "BTC", "quoteAsset": "USDT"}
    other = {**symbol, "symbol": "币USDT", "baseAsset": "币", "status": "BREAK"}
    body = {"symbols": [{**symbol, "filters": filters}, other, {"symbol": 1}, {"status": "X"}]}
    first, second = decode_pairs(msgspec.json.encode(body).replace(b'"X"', b'"\xff"'))
    assert first == BTC
    assert second.refusal == "name is not ASCII"
    assert not second.is_traded
    assert second.precision is None
    assert depth_path("BTCUSDT", 5000) == "/api/v3/depth?symbol=BTCUSDT&limit=5000"


def test_answer_without_a_snapshot_is_an_error() -> None:
    with pytest.raises(ValueError, match="lastUpdateId"):
        decode_depth(b'{"code":-1121,"msg":"Invalid symbol."}', 1000)
    assert isinstance(decode_depth(b'{"lastUpdateId":1,"bids":[],"asks":[]}', 5), RestSnapshot)
