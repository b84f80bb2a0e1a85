"""The modules of the table of all books, in Node."""

from __future__ import annotations

import random
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from lab.node import run_in_node

STORAGE = """
class Storage {
  constructor(items = {}) { this.items = items }
  getItem(name) { return this.items[name] ?? null }
  setItem(name, text) {
    if (this.isFull) throw new Error("full")
    this.items[name] = text
  }
}
globalThis.sessionStorage = new Storage()
globalThis.localStorage = new Storage()
"""


def run(path: str, script: str, given: object = None) -> Any:
    return run_in_node(f'{STORAGE} const module = await load("{path}")\n{script}', given)


def decimal_texts(count: int) -> list[str]:
    """Return texts of decimals of different lengths, many of them nearly equal."""
    drawn = random.Random(5)
    wholes = ["0", "1", "9", "10", "99", "100", "63379", "9007199254740993"]
    rests = ["", ".0", ".1", ".10", ".09", ".00000001", ".99999999", ".5"]
    return [drawn.choice(wholes) + drawn.choice(rests) for _ in range(count)]


def test_decimals_of_any_precision_are_compared_exactly() -> None:
    texts = decimal_texts(400)
    pairs = list(zip(texts[::2], texts[1::2], strict=True))
    script = """
        const { compareDecimals } = module
        return given.map(([a, b]) => Math.sign(compareDecimals(a, b)))
    """
    expected = [(Decimal(a) > Decimal(b)) - (Decimal(a) < Decimal(b)) for a, b in pairs]
    assert set(expected) == {-1, 0, 1}
    assert run("overview/decimals.js", script, pairs) == expected


def test_basis_points_are_exact_and_rounded_half_to_even() -> None:
    texts = decimal_texts(400)
    pairs = [sorted(pair, key=Decimal) for pair in zip(texts[::2], texts[1::2], strict=True)]
    # Exactly 0.125 and 2.5 basis points; and a price that no float holds.
    pairs += [["799995", "800005"], ["79.99", "80.01"], ["9007199254740992", "9007199254740993"]]

    def points(bid: Decimal, ask: Decimal) -> str | None:
        if bid + ask == 0:
            return None
        exact = (ask - bid) * 20_000 / (ask + bid)
        return str(exact.quantize(Decimal("0.01"), ROUND_HALF_EVEN))

    script = """
        const { spreadPoints } = module
        return given.map(([bid, ask]) => spreadPoints(bid, ask))
    """
    assert run("parts/basis_points.js", script, pairs) == [
        points(*map(Decimal, pair)) for pair in pairs
    ]
    assert run("parts/basis_points.js", script, [["799995", "800005"], ["79.99", "80.01"]]) == [
        "0.12",
        "2.50",
    ]
    assert (
        run("parts/basis_points.js", script, [[None, "1"], ["1", None], ["0", "0.0"], ["2", "1"]])
        == [None] * 4
    )


LINES: list[dict[str, Any]] = [
    {"pair": "A/USD", "venue": "kraken", "bid": "10.5", "rate": 2, "status": "stale"},
    {"pair": "B/USD", "venue": "kraken", "bid": "9.75", "rate": None, "status": "live"},
    {"pair": "C/USD", "venue": "kraken", "bid": None, "rate": 10, "status": "odd"},
    {"pair": "D/USD", "venue": "kraken", "bid": "10.50", "rate": 2, "status": "refused"},
    {"pair": "A/USD", "venue": "binance", "bid": "0.00001", "rate": 2, "status": "live"},
]


ORDERS = {
    ("pair", "ascending"): "Ak Ab Bk Ck Dk",
    ("pair", "descending"): "Dk Ck Bk Ak Ab",
    ("venue", "ascending"): "Ab Ak Bk Ck Dk",
    ("bid", "ascending"): "Ab Bk Ak Dk Ck",
    ("bid", "descending"): "Ak Dk Bk Ab Ck",
    ("rate", "ascending"): "Ak Ab Dk Ck Bk",
    ("rate", "descending"): "Ck Ak Ab Dk Bk",
    ("status", "ascending"): "Ab Bk Ak Dk Ck",
}


def test_rows_are_sorted_with_missing_values_last() -> None:
    script = """
        const [lines, sorts] = given
        const orderOf = ([key, direction]) =>
          module.sorted(lines.map((facts) => ({ facts })), { key, direction })
            .map(({ facts }) => facts.pair[0] + facts.venue[0]).join(" ")
        return sorts.map((sort) => [...sort, orderOf(sort)])
    """
    found = run("overview/columns.js", script, [LINES, list(ORDERS)])
    assert {(key, direction): order for key, direction, order in found} == ORDERS


def test_click_on_header_sorts_first_and_then_turns_the_order() -> None:
    script = """
        const { COLUMNS, DEFAULT_SORT, sortAfterClick } = module
        const once = sortAfterClick(DEFAULT_SORT, "rate")
        const sorts = [once, sortAfterClick(once, "rate"), sortAfterClick(DEFAULT_SORT, "pair")]
        return [sorts.map(({ key, direction }) => `${key} ${direction}`), COLUMNS.length]
    """
    clicks, columns = run("overview/columns.js", script)
    assert clicks == ["rate descending", "rate ascending", "pair descending"]
    assert columns == 11


BTC, DOGE, BINANCE = FOUND = ["BTC/USD", "DOGE/EUR", "binance:BTC/USDT"]
SEARCHES = {
    "": FOUND,
    "  ": FOUND,
    "xbt-usd": [BTC, BINANCE],
    "xbt/usdt": [BINANCE],
    "XBTUSD": [BTC, BINANCE],
    "btc usd": [BTC, BINANCE],
    "Binance btc": [BINANCE],
    "BINANCE:btc-usdt": [BINANCE],
    "xdg": [DOGE],
    "/eur": [DOGE],
    "btc_usd": [BTC, BINANCE],
    "eth": [],
    "btc eur": [],
    "…": [],
}


def test_search_takes_any_spelling() -> None:
    script = """
        const [symbols, texts] = given
        return texts.map((text) => [text, symbols.filter(module.searchOf(text))])
    """
    found = run("overview/search.js", script, [FOUND, list(SEARCHES)])
    assert dict(found) == SEARCHES


def test_choice_filters_and_is_kept_where_it_belongs() -> None:
    script = """
        const { Choice } = module
        const first = new Choice()
        const lines = given.map((facts) => ({ facts }))
        const shown = (members) => {
          first.change({ text: "", venue: "", status: "", hasOnlyFavourites: false, ...members })
          return first.filtered(lines).map(({ facts }) => facts.symbol)
        }
        const found = [
          shown({}), shown({ venue: "binance" }), shown({ status: "live" }),
          shown({ status: "not live" }), shown({ hasOnlyFavourites: true }), shown({ text: "a" }),
        ]
        first.change({ status: "live", sort: { key: "bid", direction: "ascending" } })
        const same = new Choice()
        const { items } = sessionStorage
        globalThis.sessionStorage = new Storage()
        const other = new Choice()
        const kept = [same, other].map((each) => [each.text, each.status, each.sort.key])
        return [found, kept, items, localStorage.items]
    """
    facts = [
        {"symbol": "A/USD", "venue": "kraken", "status": "live", "isFavourite": 0},
        {"symbol": "B/USD", "venue": "kraken", "status": "stale", "isFavourite": 1},
        {"symbol": "binance:B/USD", "venue": "binance", "status": "live", "isFavourite": 0},
    ]
    found, kept, tab, visitor = run("overview/choice.js", script, facts)
    a, b, binance = (each["symbol"] for each in facts)
    assert found == [[a, b, binance], [binance], [a, binance], [b], [b], [a, binance]]
    assert kept == [["a", "live", "bid"], ["", "", "bid"]]
    assert "bid" not in str(tab)
    assert "live" not in str(visitor)


DAMAGED = ["", "{", "null", "5", '["a"]', '{"sort":{"key":"nothing","direction":"ascending"}}']


def test_kept_choice_that_is_damaged_is_ignored() -> None:
    script = """
        const { Choice } = module
        const names = ["kraken-book overview filter", "kraken-book overview order"]
        const choiceOf = (text) => {
          const items = () => Object.fromEntries(names.map((name) => [name, text]))
          globalThis.sessionStorage = new Storage(items())
          globalThis.localStorage = new Storage(items())
          return new Choice()
        }
        const choices = given.map(choiceOf)
        globalThis.localStorage = null
        choices.push(new Choice())
        return choices.map((choice) => [choice.isFiltering, choice.sort.key])
    """
    found = run("overview/choice.js", script, DAMAGED)
    assert found == [[False, "pair"]] * (len(DAMAGED) + 1)


def test_favourites_are_kept_and_bounded() -> None:
    script = """
        const { Favourites, MOST_FAVOURITES } = module
        const first = new Favourites()
        const toggles = [first.toggle("A/USD"), first.toggle("B/USD"), first.toggle("A/USD")]
        const kept = new Favourites()
        const has = [kept.has("A/USD"), kept.has("B/USD"), kept.count]
        for (let number = 1; number < MOST_FAVOURITES; number += 1) kept.toggle(`S${number}/USD`)
        const full = [kept.count]
        for (const symbol of ["ONE/MORE", "B/USD", "ONE/MORE"]) full.push(kept.toggle(symbol))
        localStorage.isFull = true
        const unkept = [kept.toggle("S1/USD"), kept.has("S1/USD")]
        globalThis.localStorage = new Storage({ "kraken-book favourites": given })
        return [toggles, has, full, new Favourites().count, unkept, MOST_FAVOURITES]
    """
    toggles, has, full, damaged, unkept, most = run(
        "overview/favourites.js", script, '[5, null, "", "C/USD", {"a": 1}]'
    )
    assert toggles == [True, True, True]
    assert has == [False, True, 1]
    assert full == [most, False, True, True]
    assert damaged == 1
    assert unkept == [True, False]


def test_rows_in_view_are_few_and_cover_the_visible_part() -> None:
    script = """
        const { rowsInView, scrolledTo } = module
        const sizes = { height: 400, rowHeight: 32, count: 1100 }
        const views = [0, 1000, 1100 * 32 - 400].map((top) => [top, rowsInView({ top, ...sizes })])
        const odd = [{ top: 0, height: 400, rowHeight: NaN, count: 3 },
                     { top: 9999, height: 400, rowHeight: 32, count: 5 }].map(rowsInView)
        const moves = [0, 31, 40, 1099].map((index) => scrolledTo(index, { top: 1000, ...sizes }))
        return [views, odd, moves]
    """
    views, odd, moves = run("overview/viewport.js", script)
    for top, view in views:
        assert 0 <= view["first"] * 32 <= top
        assert min(top + 400, 1100 * 32) <= view["end"] * 32
        assert view["end"] - view["first"] < 30
    assert odd == [{"first": 0, "end": 3}, {"first": 5, "end": 5}]
    # Above the view, just above it, in it, and below it.
    assert moves == [0, 992, 1000, 1100 * 32 - 400]


HISTORY = """
const { PollHistory } = module
const history = new PollHistory()
function poll(seconds, seq, epoch = 1, price = "100.0", status = "live") {
  const best = { price, qty: "1" }
  const book = { symbol: "A/USD", seq, epoch, status, best_bid: best, best_ask: best }
  history.take([book], seconds * 1000)
}
"""


def test_rate_counts_updates_of_one_epoch_only() -> None:
    script = """
        const rates = []
        const see = () => rates.push(history.rate("A/USD"))
        poll(0, 100); see()
        poll(2, 110); see()
        poll(4, 110); see()
        poll(6, 3, 2); see()
        poll(8, 23, 2); see()
        poll(10, null, null); see()
        // The average of the last ten seconds, not of all.
        for (let second = 12; second <= 40; second += 2) poll(second, second, 3)
        for (let second = 42; second <= 52; second += 2) poll(second, 40 + (second - 40) * 5, 3)
        see()
        // After a pause the rate begins again.
        poll(500, 9000, 3); see()
        poll(502, 9006, 3); see()
        return [rates, history.rate("B/USD")]
    """
    rates, unknown = run("data/poll_history.js", HISTORY + script)
    assert rates == [None, 5, 2.5, None, 10, None, 5, None, 3]
    assert unknown is None


def test_history_keeps_the_mids_of_five_minutes() -> None:
    script = """
        for (let number = 0; number < 400; number += 1) {
          poll(number * 2, number, 1, String(number), number === 398 ? "stale" : "live")
        }
        const mids = history.mids("A/USD")
        const kept = [mids.length, mids[0], mids.at(-2)[1], mids.at(-1), history.change("A/USD")]
        history.take([], 900_000)
        return [kept, history.mids("A/USD"), history.change("A/USD"), history.rate("A/USD")]
    """
    kept, *forgotten = run("data/poll_history.js", HISTORY + script)
    assert kept == [150, [500_000, 250], None, [798_000, 399], 399 / 250 - 1]
    assert forgotten == [[], None, None]


def test_odd_rows_of_books_leave_gaps_in_the_history() -> None:
    script = """
        const odd = [{}, { status: "live" }, { status: "live", best_bid: { price: "x" } },
                     { status: "live", best_bid: null, best_ask: null, seq: "x", epoch: [] }]
        odd.forEach((row, index) => history.take([{ symbol: "A/USD", ...row }], index * 2000))
        const mids = history.mids("A/USD").map(([, mid]) => mid)
        return [mids, history.rate("A/USD"), history.change("A/USD")]
    """
    assert run("data/poll_history.js", HISTORY + script) == [[None] * 4, None, None]


def test_sparkline_has_gaps_and_a_fixed_time_scale() -> None:
    script = """
        const { sparklineRuns } = module
        const samples = [[0, 5], [2000, 7], [4000, NaN], [6000, 6], [40_000, 6], [60_000, 5]]
        return [sparklineRuns(samples, 104, 24), sparklineRuns([[0, 3]], 104, 24),
                sparklineRuns([[0, NaN]], 104, 24), sparklineRuns([], 104, 24)]
    """
    runs, single, *nothing = run("overview/sparkline.js", script)
    assert [len(each) for each in runs] == [2, 1, 1, 1]
    # A minute is the whole width; the highest mid is at the top.
    assert runs[0][0] == [2, 22]
    assert runs[0][1][1] == 2
    assert runs[-1] == [[102, 22]]
    assert single == [[[102, 12]]]
    assert nothing == [[], []]


def test_row_counts_and_missing_rows_are_explained() -> None:
    script = """
        const { countsText, missText } = module
        const none = { text: "", venue: "", status: "", hasOnlyFavourites: false }
        return [countsText(1, 1), countsText(3, 1100), missText({ ...none, text: " zebra " }),
                missText({ ...none, hasOnlyFavourites: true }),
                missText({ ...none, text: "a", venue: "binance", status: "stale" })]
    """
    assert run("overview/words.js", script) == [
        "1 book",
        "3 of 1,100 books",
        "No book matches “\u2068zebra\u2069”.",
        "There is no favourite book.",
        "No book of Binance that is stale matches “\u2068a\u2069”.",
    ]


def test_order_does_not_depend_on_the_order_before() -> None:
    drawn = random.Random(9)
    lines = [
        {"pair": f"{drawn.choice('ABC')}/USD", "venue": f"v{n}", "bid": drawn.choice(
            [None, "1.0", "1", "2.5", "10"])}
        for n in range(60)
    ]  # fmt: skip
    shuffled = drawn.sample(lines, len(lines))
    script = """
        const { sorted } = module
        const sort = { key: "bid", direction: "descending" }
        return given.map((lines) => sorted(lines.map((facts) => ({ facts })), sort)
          .map(({ facts }) => facts.venue))
    """

    def key(line: dict[str, Any]) -> tuple[bool, Decimal, str, str]:
        return line["bid"] is None, -Decimal(line["bid"] or 0), line["pair"], line["venue"]

    expected = [line["venue"] for line in sorted(lines, key=key)]
    assert run("overview/columns.js", script, [lines, shuffled]) == [expected, expected]
