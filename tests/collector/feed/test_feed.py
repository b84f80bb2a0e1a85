"""The books of a shard, and the connections that carry them."""

from __future__ import annotations

from collector.feed.books import SymbolBook
from collector.feed.feed import MAX_PAIRS, Feed
from collector.feed.link import FeedLoad
from collector.settings import Shard
from kraken_book.precision import Precision
from kraken_book.selection import parse_selection
from tests.collector.feed.listed_venue import Listed, ListedVenue

WHOLE = Shard(0, 1)


class Followed:
    """A feed without network, which records added and removed symbols."""

    def __init__(
        self,
        symbols: str,
        *,
        symbols_per_connection: int = 100,
        max_symbols: int = 4000,
        shard: Shard = WHOLE,
    ) -> None:
        self.joined: list[str] = []
        self.left: list[str] = []
        self.load = FeedLoad()
        self.feed = Feed(
            ListedVenue(symbols_per_connection),
            parse_selection(symbols),
            shard,
            max_symbols,
            self.load,
            self._on_joined,
            self.left.append,
        )

    def _on_joined(self, book: SymbolBook) -> None:
        self.joined.append(book.symbol)

    def receive(self, *symbols: str, is_traded: bool = True, is_all: bool = True) -> bool:
        pairs = [Listed(symbol, is_traded=is_traded) for symbol in symbols]
        return self.feed.on_instruments(pairs, is_all)

    @property
    def carried(self) -> list[list[str]]:
        return [list(connection.books) for connection in self.feed.connections]


def test_symbols_are_distributed_over_connections() -> None:
    followed = Followed("A/B,C/D,E/F,G/H,I/J", symbols_per_connection=2)
    assert followed.carried == [["A/B", "C/D"], ["E/F", "G/H"], ["I/J"]]
    assert followed.joined == ["A/B", "C/D", "E/F", "G/H", "I/J"]


def test_feed_is_behind_if_one_connection_is() -> None:
    followed = Followed("A/B,C/D", symbols_per_connection=1)
    assert not followed.load.is_behind
    followed.feed.connections[1].link.is_behind = True
    assert followed.load.is_behind


def test_wildcards_add_symbols_when_the_first_connection_lists_pairs() -> None:
    followed = Followed("*/USD", symbols_per_connection=2)
    assert followed.carried == [[]]
    known_before = followed.feed.knows_what_it_follows
    followed.receive("BTC/USD", "BTC/EUR", "ETH/USD", "SOL/USD")
    assert followed.carried == [["BTC/USD", "ETH/USD"], ["SOL/USD"]]
    assert (known_before, followed.feed.knows_what_it_follows) == (False, True)
    assert followed.feed.books["BTC/USD"].precision == Precision(1, 8)


def test_new_pair_is_added_and_delisted_pair_is_removed() -> None:
    followed = Followed("*/USD,!USDT/USD")
    followed.receive("BTC/USD", "ETH/USD", "USDT/USD")
    followed.receive("NEW/USD", "NEW/EUR", is_all=False)
    assert followed.joined == ["BTC/USD", "ETH/USD", "NEW/USD"]
    eth = followed.feed.books["ETH/USD"]
    followed.receive("ETH/USD", is_traded=False, is_all=False)
    assert followed.left == ["ETH/USD"]
    assert followed.carried == [["BTC/USD", "NEW/USD"]]
    assert (eth.status, eth.reason) == ("refused", "not listed")


def test_pair_missing_from_a_new_list_is_removed() -> None:
    followed = Followed("*/USD")
    followed.receive("BTC/USD", "ETH/USD", "SOL/USD")
    followed.receive("BTC/USD", is_all=False)
    assert followed.left == []
    followed.receive("BTC/USD", "SOL/USD")
    assert followed.left == ["ETH/USD"]


def test_list_of_less_than_half_the_pairs_is_rejected() -> None:
    followed = Followed("*/USD")
    followed.receive("A/USD", "B/USD", "C/USD", "D/USD", "E/USD")
    assert not followed.receive("A/USD", "B/USD")
    assert followed.left == []


def test_list_of_less_than_half_the_pairs_is_accepted_the_second_time() -> None:
    followed = Followed("*/USD")
    followed.receive("A/USD", "B/USD", "C/USD", "D/USD", "E/USD")
    assert not followed.receive("A/USD", "B/USD")
    assert not followed.receive("A/USD", "C/USD"), "another short list is rejected too"
    assert followed.receive("A/USD", "C/USD")
    assert set(followed.left) == {"B/USD", "D/USD", "E/USD"}


def test_pair_without_precision_is_listed_but_not_added() -> None:
    followed = Followed("*/USD")
    followed.receive("BTC/USD", "ETH/USD", "OLD/USD")
    odd = [Listed("BTC/USD"), Listed("ETH/USD", None), Listed("NEW/USD", None)]
    followed.feed.on_instruments(odd, is_all=True)
    assert followed.left == ["OLD/USD"]
    assert list(followed.feed.books) == ["BTC/USD", "ETH/USD"]
    assert followed.feed.books["ETH/USD"].precision == Precision(1, 8)
    followed.receive("NEW/USD", is_all=False)
    assert followed.joined[-1] == "NEW/USD", "with a precision it is added"


def test_wildcards_add_no_symbols_beyond_the_limit() -> None:
    followed = Followed("Z/USD,*/USD", max_symbols=3)
    followed.receive(*(f"C{number}/USD" for number in range(10)))
    assert list(followed.feed.books) == ["Z/USD", "C0/USD", "C1/USD"]
    followed.receive("A/USD", "C1/USD", "C2/USD", "C3/USD", "C4/USD")
    assert list(followed.feed.books) == ["Z/USD", "C1/USD", "A/USD"], "followed symbols stay"


def test_named_symbols_are_added_beyond_the_limit() -> None:
    followed = Followed("A/USD,B/USD,C/USD,*/EUR", max_symbols=1)
    followed.receive("D/EUR")
    assert list(followed.feed.books) == ["A/USD", "B/USD", "C/USD"]


def test_pairs_beyond_the_limit_are_not_remembered() -> None:
    followed = Followed("*/USD", max_symbols=10)
    followed.receive("BTC/USD", *(f"C{number}/EUR" for number in range(MAX_PAIRS + 10_000)))
    assert list(followed.feed.books) == ["BTC/USD"]
    assert not followed.receive("BTC/USD", "ETH/USD")
    assert followed.receive("BTC/USD", "ETH/USD")
    assert list(followed.feed.books) == ["BTC/USD", "ETH/USD"]


def test_update_of_pairs_does_not_resolve_wildcards() -> None:
    followed = Followed("*/USD")
    followed.receive("A/USD", is_all=False)
    assert not followed.feed.knows_what_it_follows


def test_book_has_the_link_of_its_connection() -> None:
    feed = Followed("A/B,C/D", symbols_per_connection=1).feed
    assert feed.books["C/D"].link is feed.connections[1].link


def test_named_symbol_stays_if_it_is_not_listed() -> None:
    followed = Followed("FOO/USD,BTC/*")
    followed.receive("BTC/USD")
    followed.receive("ETH/USD")
    assert followed.left == ["BTC/USD"]
    assert list(followed.feed.books) == ["FOO/USD"]


def test_added_symbol_takes_the_place_of_a_removed_one() -> None:
    followed = Followed("*/USD", symbols_per_connection=2)
    followed.receive("A/USD", "B/USD", "C/USD")
    followed.receive("A/USD", "C/USD", "D/USD", "E/USD")
    assert followed.carried == [["A/USD", "D/USD"], ["C/USD", "E/USD"]]


def test_wildcards_are_divided_among_shards() -> None:
    listed = [f"C{number}/USD" for number in range(50)]
    shares = []
    for index in range(3):
        followed = Followed("*", shard=Shard(index, 3))
        followed.receive(*listed)
        shares += followed.joined
    assert sorted(shares) == sorted(listed)
