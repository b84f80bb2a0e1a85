"""Requests that a venue never answers, or refuses together, are repeated a few times only."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest

from collector.venues.binance.venue import binance_traits
from collector.venues.bitfinex.venue import bitfinex_traits
from collector.venues.coinbase.venue import coinbase_traits
from collector.venues.sequenced.protocol import RestSnapshot, VenuePair, VenueTraits
from collector.venues.session import RequestsUnanswered
from collector.venues.subscription import MAX_ATTEMPTS
from kraken_book.precision import Precision
from tests.collector.venues.sequenced.venue_side import VenueConversation

ALL = [coinbase_traits(10), binance_traits(10), bitfinex_traits(25)]
HOUR = 3600
OF_BOOKS = {"SUBSCRIBE", "UNSUBSCRIBE", "level2", "book"}


def pair_of(number: int, traits: VenueTraits) -> VenuePair:
    name = {"coinbase": "A{}-USD", "binance": "A{}USD", "bitfinex": "tA{}USD"}[traits.name]
    precision = Precision(2, 8)
    return VenuePair(f"A{number}/USD", name.format(number), precision, "online", is_traded=True)


class Conversation(VenueConversation):
    """A conversation in which the test sends every answer."""

    def __init__(self, traits: VenueTraits, pairs: int = 1) -> None:
        super().__init__(traits, [pair_of(number, traits) for number in range(pairs)])
        self.bad = ""
        self.granted: set[str] = set()

    def asked_in(self, seconds: int) -> int:
        """Return the number of requests about books while time passes."""
        asked = 0
        for _ in range(seconds):
            words = [{str(value) for value in each.values()} for each in self.requests()]
            asked += sum(1 for each in words if each & OF_BOOKS)
            self.wait(1.0)
        return asked


def asked_until_end(venue: Conversation) -> tuple[int, str]:
    """Return the number of requests until the session ends, and its error."""
    asked = 0
    while venue.now < HOUR:
        try:
            asked += venue.asked_in(1)
        except RequestsUnanswered as error:
            return asked, str(error)
    raise AssertionError("the session did not end")


class Binance(Conversation):
    """Binance, whose errors concern all pairs of a request."""

    def __init__(self, pairs: int) -> None:
        super().__init__(binance_traits(10), pairs)

    def answer(self, request: dict[str, Any]) -> None:
        """Grant a request, unless it has the bad pair."""
        names = {each.partition("@")[0].upper() for each in request.get("params", ())}
        if self.bad in names:
            self.take({"error": {"code": 2, "msg": "invalid"}, "id": request["id"]})
            return
        self.take({"result": None, "id": request["id"]})
        self.granted |= names

    def answer_rest(self) -> None:
        for _, on_answer in self.asked:
            on_answer(RestSnapshot(100, [("1.00", "1")], [("2.00", "1")], 1000))
        self.asked.clear()

    def lose_change_of(self, pair: str) -> None:
        self.take({"e": "depthUpdate", "E": 1, "s": pair, "U": 200, "u": 200, "b": [], "a": []})

    def go_live(self) -> None:
        for request in self.requests():
            self.answer(request)
        self.wait(6.0)
        self.answer_rest()
        assert all(book.is_live for book in self.books.values())


class Coinbase(Conversation):
    """Coinbase, whose errors name neither a request nor a pair."""

    def __init__(self, pairs: int) -> None:
        super().__init__(coinbase_traits(10), pairs)
        self._numbers = count()

    def send(self, channel: str, event: object) -> None:
        self.take({"channel": channel, "sequence_num": next(self._numbers), "events": [event]})

    def answer(self, request: dict[str, Any]) -> None:
        """Grant a request, unless it has the bad pair."""
        names = set(request.get("product_ids", ()))
        if self.bad in names:
            self.take({"type": "error", "message": "invalid"})
            return
        self.granted |= names
        self.send("subscriptions", {"subscriptions": {"level2": sorted(self.granted)}})
        levels = [
            {"side": side, "price_level": price, "new_quantity": "1"}
            for side, price in (("bid", "1"), ("offer", "2"))
        ]
        for name in names:
            self.send("l2_data", {"type": "snapshot", "product_id": name, "updates": levels})

    def answer_rest(self) -> None:
        assert not self.asked


@pytest.mark.parametrize("traits", ALL, ids=lambda traits: traits.name)
def test_connection_without_any_answer_ends_after_a_few_requests(traits: VenueTraits) -> None:
    venue = Conversation(traits)
    assert asked_until_end(venue) == (
        MAX_ATTEMPTS,
        "no answer to 3 requests to subscribe to A0/USD",
    )


def test_unsubscribe_that_is_never_answered_ends_the_connection() -> None:
    venue = Binance(pairs=2)
    venue.go_live()
    venue.lose_change_of("A0USD")
    assert asked_until_end(venue) == (
        MAX_ATTEMPTS,
        "no answer to 3 requests to unsubscribe from A0/USD",
    )
    assert venue.books["A1/USD"].is_live


def test_subscribe_that_is_never_answered_refuses_its_pair_alone() -> None:
    venue = Binance(pairs=2)
    venue.go_live()
    venue.lose_change_of("A0USD")
    for request in venue.requests():
        venue.answer(request)
    # Three requests in 30 s, and then one a minute.
    assert MAX_ATTEMPTS <= venue.asked_in(280) <= MAX_ATTEMPTS + 4
    book = venue.books["A0/USD"]
    assert (book.status, book.reason) == ("refused", "no answer")
    assert venue.books["A1/USD"].is_live


@pytest.mark.parametrize("kind", [Binance, Coinbase])
def test_pair_that_makes_every_request_fail_is_found_and_the_others_become_live(
    kind: type[Binance | Coinbase],
) -> None:
    venue = kind(pairs=40)
    bad = pair_of(17, binance_traits(10) if kind is Binance else coinbase_traits(10))
    venue.bad = bad.name
    for _ in range(120):
        for request in venue.requests():
            venue.answer(request)
        venue.answer_rest()
        venue.wait(1.0)
    assert venue.books.pop(bad.symbol).status == "refused"
    assert {book.status for book in venue.books.values()} == {"live"}
