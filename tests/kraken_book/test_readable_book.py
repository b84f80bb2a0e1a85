"""What a book offers: figures, dictionaries, tables of pandas and polars, and a ladder in HTML."""

from __future__ import annotations

import copy
import pickle
import sys
from dataclasses import FrozenInstanceError, replace
from decimal import Decimal
from xml.etree import ElementTree

import msgspec
import pytest

from kraken_book import FrozenBook, LiveBook, MissingExtra
from kraken_book.event import decode_event
from kraken_book.level import make_level
from kraken_book.precision import Precision
from lab.written_books import SYMBOL, snapshot, update
from tests.kraken_book.client.depth_answers import depth_members

FOREIGN = "<script>alert('x')</script>&\x1b[2J\u202e"
PRECISION = Precision(1, 8)


def live_book(seq: int = 5) -> LiveBook:
    book = LiveBook(SYMBOL)
    book.apply(decode_event(snapshot(seq).entry(7).data))
    return book


def frozen_book(symbol: str = SYMBOL, bid_qty: str = "1.00000000") -> FrozenBook:
    return FrozenBook(
        symbol, "live", None, "kraken", 10, PRECISION, 7, 5, 9, None,
        bids=(make_level("100.0", bid_qty, PRECISION), make_level("99.5", "2.5", PRECISION)),
        asks=(make_level("100.1", "3.00000000", PRECISION),),
    )  # fmt: skip


def empty_book() -> FrozenBook:
    nothing = (None, None, None, None, None, None, None)
    return FrozenBook(SYMBOL, "syncing", "no book yet", *nothing, bids=(), asks=())


def test_level_unpacks_into_price_and_quantity() -> None:
    price, qty = frozen_book().bids[1]
    assert (price, qty) == ("99.5", "2.50000000")
    assert [price for price, _ in live_book().asks] == ["101.0", "102.5"]


def test_figures_of_a_book_are_exact() -> None:
    book = frozen_book()
    assert (str(book.mid), book.spread) == ("100.05", "0.1")
    assert book.microprice == Decimal("100.025")
    assert (book.imbalance(), book.imbalance(levels=2)) == (
        Decimal("-0.5"),
        Decimal("0.5") / Decimal("6.5"),
    )
    sold = book.cost("sell", "2")
    assert (sold.average, sold.worst) == (Decimal("99.75"), Decimal("99.5"))


def test_figures_of_a_book_without_levels_are_none() -> None:
    for book in (empty_book(), LiveBook(SYMBOL)):
        assert (book.mid, book.microprice, book.imbalance(3), book.spread) == (None,) * 4
        assert book.cost("buy", 1).unfilled == 1


def test_frozen_copy_does_not_change_with_the_live_book() -> None:
    book = live_book(5)
    kept = book.freeze()
    assert kept.to_dict() == book.to_dict() | {"event_id": None, "age_ms": None}
    book.apply(decode_event(update(6).entry(7).data))
    assert (kept.seq, book.seq) == (5, 6)
    assert kept.best_bid != book.best_bid
    with pytest.raises(FrozenInstanceError):
        kept.seq = 6  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(kept)) == copy.deepcopy(kept) == kept


def test_dictionary_has_the_names_and_texts_of_depth() -> None:
    book = live_book(5).to_dict()
    of_depth = depth_members(5, exchange_time=book["exchange_time"])
    only_there = {"event_id", "confirmed_at", "age_ms"}
    assert book == {name: of_depth[name] for name in of_depth if name not in only_there} | {
        "reason": None
    }
    assert msgspec.json.decode(msgspec.json.encode(book)) == book


def test_dictionary_of_an_answer_has_its_event_id_and_age() -> None:
    book = replace(live_book(5).freeze(), event_id="1000-5", age_ms=12)
    of_depth = depth_members(5, exchange_time=book.exchange_time, reason=None)
    del of_depth["confirmed_at"]
    assert book.to_dict() == of_depth


def test_frozen_book_has_no_default_of_a_member_that_every_book_has() -> None:
    with pytest.raises(TypeError, match="missing 12 required positional arguments"):
        FrozenBook()  # type: ignore[call-arg]


def test_symbol_of_a_book_is_its_venue_and_pair() -> None:
    for symbol, venue, pair in (
        ("BTC/USD", "kraken", "BTC/USD"),
        ("binance:BTC/USDT", "binance", "BTC/USDT"),
    ):
        book = frozen_book(symbol)
        assert (book.symbol, book.venue, book.pair) == (symbol, venue, pair)


def test_tables_have_floats_and_exact_texts_of_each_level() -> None:
    import polars as pl

    columns = {
        "symbol": [SYMBOL] * 3,
        "side": ["bid", "bid", "ask"],
        "level": [1, 2, 1],
        "price": [100.0, 99.5, 100.1],
        "qty": [1.0, 2.5, 3.0],
        "price_text": ["100.0", "99.5", "100.1"],
        "qty_text": ["1.00000000", "2.50000000", "3.00000000"],
    }
    table, frame = frozen_book().to_pandas(), frozen_book().to_polars()
    assert table.to_dict("list") == frame.to_dict(as_series=False) == columns
    assert " ".join(map(str, table.dtypes[2:5])) == "int64 float64 float64"
    assert frame.dtypes[2:5] == [pl.Int64, pl.Float64, pl.Float64]


def test_quantity_that_no_float_has_stays_exact_in_tables() -> None:
    qty = "999999999999999999.00000001"
    book = frozen_book(bid_qty=qty)
    assert book.to_pandas()["qty_text"][0] == book.to_polars()["qty_text"][0] == qty


def test_tables_of_empty_and_huge_books_have_the_same_types_and_can_be_joined() -> None:
    import pandas as pd
    import polars as pl

    huge = frozen_book(bid_qty="9" * 25 + ".00000000")
    tables = [empty_book().to_pandas(), frozen_book().to_pandas()]
    assert list(tables[0].dtypes) == list(tables[1].dtypes)
    assert len(pd.concat(tables)) == 3
    frames = [empty_book().to_polars(), frozen_book().to_polars(), huge.to_polars()]
    assert len(pl.concat(frames)) == 6


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_missing_library_is_an_error_with_the_command_that_installs_it(
    library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # `find_spec` raises for a module that is None, as for one whose import was blocked.
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtra, match=rf"pip install 'kraken-book\[{library}\]'"):
        getattr(frozen_book(), f"to_{library}")()


def test_repr_is_one_printable_line() -> None:
    assert repr(frozen_book()) == "<FrozenBook BTC/USD 100.0/100.1 seq 5 live>"
    assert repr(live_book()) == "<LiveBook BTC/USD 100.0/101.0 seq 5 live>"
    assert repr(empty_book()) == "<FrozenBook BTC/USD -/- seq None syncing: no book yet>"
    assert repr(frozen_book(FOREIGN)).isprintable()


def test_notebooks_show_a_ladder_with_asks_above_bids() -> None:
    ladder = ElementTree.fromstring(frozen_book()._repr_html_())
    rows = [["".join(cell.itertext()) for cell in row] for row in ladder.iter("tr")]
    assert rows == [
        ["side", "price", "quantity"],
        ["ask", "100.1", "3.00000000"],
        ["spread 0.1"],
        ["bid", "100.0", "1.00000000"],
        ["bid", "99.5", "2.50000000"],
    ]
    caption = ladder.find("caption")
    assert caption is not None
    assert "".join(caption.itertext()) == "BTC/USD live"


def test_ladder_of_foreign_texts_is_escaped() -> None:
    for book in (frozen_book(FOREIGN), LiveBook(FOREIGN), empty_book()):
        text = book._repr_html_()
        assert "<script" not in text
        assert text.isprintable()
        ElementTree.fromstring(text)
