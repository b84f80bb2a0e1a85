"""The charts of a book in a real browser, against the simulator's book and a recorded stream."""

from __future__ import annotations

from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import pytest

from lab.naive_book import NaiveBook
from lab.services import Api, SimulatorProcess
from lab.sse.watch import StreamWatch
from lab.stage import Stage
from lab.waiting import wait_for, wait_until
from tests.e2e.readable import assert_readable
from tests.e2e.shown import Shown

SYMBOL = "BTC/USD"
DEPTH = 10
# Fewer events than are published before the page opens, so that the snapshot is gone.
KEPT_EVENTS = 450
RECORDED_EVENTS = 600


@pytest.fixture
def simulator(stage: Stage) -> SimulatorProcess:
    return stage.simulator("--symbols", SYMBOL, "--rate", "100", "--control", "0")


@pytest.fixture
def api(stage: Stage, simulator: SimulatorProcess) -> Api:
    redis = stage.redis()
    collector = stage.collector(
        redis.url, simulator.url,
        KRAKEN_SYMBOLS=SYMBOL, KRAKEN_DEPTH=str(DEPTH), STREAM_MAXLEN=str(KEPT_EVENTS),
    )  # fmt: skip
    collector.wait_until_live(1)
    return stage.api(redis.url)


# Presses the right arrow until the end. One request instead of hundreds takes less time.
WALK = """(drawing) => {
  const found = [drawing.ariaValueText]
  while (drawing.ariaValueNow !== drawing.ariaValueMax) {
    drawing.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }))
    found.push(drawing.ariaValueText)
  }
  return found
}"""


class Slider:
    """The drawing of a chart, as assistive technology has it."""

    def __init__(self, shown: Shown, chart: str) -> None:
        self._drawing = shown.page.locator(f".{chart} [role=slider]")

    @property
    def text(self) -> str:
        """The figures at the cursor."""
        return self._drawing.get_attribute("aria-valuetext") or ""

    def press(self, key: str) -> str:
        """Press a key; return the figures at the cursor after it."""
        self._drawing.press(key)
        return self.text

    def walk(self) -> list[str]:
        """Press keys from the first point to the last; return the figures of each."""
        self.press("Home")
        found: list[str] = self._drawing.evaluate(WALK)
        return found


def spreads(watched: StreamWatch) -> dict[str, str]:
    """Return the text of the spread at the end of each second of a recorded stream, by its time."""
    found: dict[str, str] = {}
    book = NaiveBook(DEPTH)
    last: datetime | None = None
    for stream_id, event in zip(watched.ids, watched.events, strict=False):
        if event["kind"] not in {"snapshot", "update"} or stream_id is None:
            continue
        moment = datetime.fromtimestamp(int(stream_id.partition("-")[0]) // 1000)  # noqa: DTZ006
        if last is not None and moment != last:
            found[f"{last:%H:%M:%S}"] = spread_text(book)
        last = moment
        if event["kind"] == "snapshot":
            book = NaiveBook(DEPTH)
        book.frame(event["bids"], event["asks"])
    return found


def spread_text(book: NaiveBook) -> str:
    bid, ask = Decimal(book.bids[0][0]), Decimal(book.asks[0][0])
    points = (ask - bid) / ((ask + bid) / 2) * 10_000
    return f"spread {short(ask - bid)},  {rounded(points, 2)} bp"


def short(number: Decimal) -> str:
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def rounded(number: Decimal, decimals: int) -> str:
    return f"{number.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_EVEN):f}"


def depth_texts(book: dict[str, Any]) -> list[str]:
    """Return the figures of each level of the simulator's book, by rising price."""
    bids, asks = book["bids"], book["asks"]
    mid = (Decimal(bids[0][0]) + Decimal(asks[0][0])) / 2
    texts: dict[str, list[str]] = {}
    for side, levels in (("bid", bids), ("ask", asks)):
        qty = cost = Decimal(0)
        texts[side] = []
        for price, own in levels:
            qty, cost = qty + Decimal(own), cost + Decimal(own) * Decimal(price)
            far = rounded((Decimal(price) - mid) / mid * 10_000, 2)
            texts[side].append(
                f"{side} {price}, sum {short(qty)} BTC, worth {short(cost)} USD, from mid {far} bp"
            )
    return texts["bid"][::-1] + texts["ask"]


def test_fresh_page_shows_the_recorded_past_and_the_present_of_the_simulator(
    shown: Shown, stage: Stage, api: Api, simulator: SimulatorProcess
) -> None:
    watched = api.watch(SYMBOL)
    stage.undo(watched.leave)
    wait_until(lambda: len(watched.events) > RECORDED_EVENTS, "the stream is recorded")
    # From now on the past is all that the page can show.
    simulator.fault(f"silence?symbol={SYMBOL}&seconds=600")
    book = wait_for(lambda: settled(api, simulator), "the market stands still")
    wait_until(lambda: watched.ladder.seq >= book["seq"], "everything is recorded")
    recorded = spreads(watched)
    shown.page.goto(f"{api.url}/#/{SYMBOL}")

    spread = Slider(shown, "spread-chart")

    def figures() -> dict[str, str]:
        return dict(text.split(", ", 1) for text in spread.walk() if "spread" in text)

    wait_until(
        lambda: recorded.keys() & figures().keys(),
        f"the past has been read; {shown.page.locator('.heat-chart .note').inner_text()}",
    )
    found = figures()
    compared = recorded.keys() & found.keys()
    assert len(compared) >= 5
    assert {time: found[time] for time in compared} == {time: recorded[time] for time in compared}

    depth = Slider(shown, "depth-chart")
    assert depth.walk() == depth_texts(book)
    compare_cost(shown, book)
    assert_readable(shown)
    assert shown.errors == []


def settled(api: Api, simulator: SimulatorProcess) -> dict[str, Any] | None:
    """Return the simulator's book, with the api's seq, if the api has the same."""
    depth: dict[str, Any] = api.get(f"/depth/{SYMBOL}").json()
    book = simulator.book(SYMBOL, DEPTH)
    if book["checksum"] != depth["checksum"]:
        return None
    return {"bids": depth["bids"], "asks": depth["asks"], "seq": depth["seq"]}


def compare_cost(shown: Shown, book: dict[str, Any]) -> None:
    """Compare the cost to sell the best bids, and the quantity that no book has, with Decimals."""
    cost = shown.page.locator(".cost")
    best = book["bids"][:3]
    amount = sum((Decimal(qty) for _, qty in best), Decimal(0))
    total = sum((Decimal(price) * Decimal(qty) for price, qty in best), Decimal(0))
    cost.get_by_text("Sell").click()
    cost.get_by_label("Amount").fill(f"{amount:f}")

    def values() -> list[str]:
        return cost.locator("dd").all_inner_texts()

    average = f"{rounded(total / amount, 3)} USD"
    wait_until(lambda: values()[0] == average, f"the average is {average}")
    mid = (Decimal(book["bids"][0][0]) + Decimal(book["asks"][0][0])) / 2
    slippage = mid - total / amount
    points = rounded(slippage / mid * 10_000, 2)
    assert values()[1:] == [
        f"{rounded(slippage, 3)} USD · {points} bp",
        f"{short(total)} USD", f"{short(amount)} BTC", best[-1][0], f"3 of {DEPTH}",
    ]  # fmt: skip
    assert cost.locator(".fault").inner_text() == ""
    cost.get_by_label("Amount").fill("1000000")
    every = sum((Decimal(qty) for _, qty in book["bids"]), Decimal(0))
    words = f"Not enough depth in the window: its {DEPTH} levels have {short(every)} BTC"
    wait_until(lambda: words in cost.locator(".fault").inner_text(), words)
    cost.get_by_label("Amount").fill("1e9")
    wait_until(
        lambda: "Write an amount" in cost.locator(".fault").inner_text(), "a fault is explained"
    )
