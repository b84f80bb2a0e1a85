"""The books that the page rebuilds from past events, against a market that is simulated here."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from lab.naive_book import NaiveBook
from lab.node import run_module

EPOCH = 7
START_MS = 1_800_000_000_000
PROVED = 10
REBUILD = """
const { entries, present, until } = given
const samples = [...module.rebuild(entries, present, until)].flat()
return samples.map(({ second, epoch, seq, isWhole, bids, asks }) =>
  ({ second, epoch, seq, isWhole, bids: bids.best(), asks: asks.best() }))
"""

Sides = tuple[list[list[str]], list[list[str]]]
Entry = dict[str, Any]


@dataclass
class Market:
    """A venue whose whole book is much deeper than the published window, and its events."""

    depth: int
    seed: int = 1
    epoch: int = EPOCH
    seq: int = 0
    ms: int = START_MS
    entries: list[Entry] = field(default_factory=list)
    truth: dict[int, Sides] = field(default_factory=dict)
    """The window at the end of each second."""

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._middle = 10_000
        self._reach = max(60, 2 * self.depth)
        self._whole: dict[str, dict[int, int]] = {"bids": {}, "asks": {}}
        for distance in range(1, self._reach + 1):
            for side, sign in (("bids", -1), ("asks", 1)):
                if self._random.random() < 0.8:
                    price = self._middle + sign * distance
                    self._whole[side][price] = self._random.randint(1, 10**9)
        self._window = self.window()

    def window(self) -> Sides:
        """Return the published levels, best first."""
        bids = sorted(self._whole["bids"].items(), reverse=True)[: self.depth]
        asks = sorted(self._whole["asks"].items())[: self.depth]
        return [_texts(*level) for level in bids], [_texts(*level) for level in asks]

    def snapshot(self) -> None:
        """Publish the whole window."""
        self._window = self.window()
        self._publish("snapshot", *self._window)

    def update(self) -> None:
        """Change one to four levels of the whole book, and publish the difference of the window."""
        while True:
            for _ in range(self._random.randint(1, 4)):
                self._change()
            before, self._window = self._window, self.window()
            bids, asks = (
                _difference(old, new) for old, new in zip(before, self._window, strict=True)
            )
            if bids or asks:
                self._publish("update", bids, asks)
                return

    def status(self, status: str) -> None:
        """Publish a status."""
        self.seq += 1
        event = {"kind": "status", "seq": self.seq, "epoch": self.epoch, "status": status}
        self.entries.append({"ms": self.ms, "event": event})

    def run(self, updates: int, milliseconds: int = 137) -> None:
        """Publish `updates`, each some time after the one before, and note the truth."""
        for _ in range(updates):
            self.rest(milliseconds)
            self.update()

    def rest(self, milliseconds: int) -> None:
        """Let time pass without an event."""
        for second in range(self.ms // 1000, (self.ms + milliseconds) // 1000):
            self.truth[second] = self._window
        self.ms += milliseconds

    def present(self) -> dict[str, Any]:
        """Return the book as a reader has it now."""
        bids, asks = self._window
        position = {"epoch": self.epoch, "seq": self.seq}
        return {"position": position, "depth": self.depth, "bids": bids, "asks": asks}

    def _change(self) -> None:
        side, sign = self._random.choice((("bids", -1), ("asks", 1)))
        if self._random.random() < 0.05:
            self._middle += self._random.choice((-1, 1))
        distance = min(int(self._random.expovariate(0.15)) + 1, self._reach)
        price = self._middle + sign * distance
        qty = 0 if self._random.random() < 0.4 else self._random.randint(1, 10**9)
        self._whole[side][price] = qty
        # No bid at or above an ask.
        for other in list(self._whole["asks" if side == "bids" else "bids"]):
            if qty and (other - price) * sign >= 0:
                del self._whole["asks" if side == "bids" else "bids"][other]
        if not qty:
            del self._whole[side][price]

    def _publish(self, kind: str, bids: list[list[str]], asks: list[list[str]]) -> None:
        self.seq += 1
        book = NaiveBook(self.depth)
        book.frame(*([(price, qty) for price, qty in side] for side in self._window))
        event = {
            "kind": kind, "seq": self.seq, "epoch": self.epoch, "bids": bids, "asks": asks,
            "checksum": book.checksum, "depth": self.depth,
        }  # fmt: skip
        self.entries.append({"ms": self.ms, "event": event})


def _texts(price: int, lots: int) -> list[str]:
    return [f"{price / 10:.1f}", f"{lots / 10**8:.8f}"]


def _difference(old: list[list[str]], new: list[list[str]]) -> list[list[str]]:
    """Return the levels that make `new` from `old`: those that left by a deletion, then the others.

    A level that others push out of the window is not named, as by Kraken.
    """
    was, now = (dict[str, str](levels) for levels in (old, new))
    worst = new[-1][0] if new else None
    is_bid = len(new) > 1 and float(new[0][0]) > float(new[-1][0])
    gone = [
        [price, "0.00000000"]
        for price in was
        if price not in now and (worst is None or (float(price) > float(worst)) is is_bid)
    ]
    return gone + [level for level in new if was.get(level[0]) != level[1]]


def rebuilt(market: Market, entries: list[Entry] | None = None) -> dict[int, dict[str, Any]]:
    """Return what the page rebuilds, by second, after a comparison with the truth."""
    given = {
        "entries": market.entries if entries is None else entries,
        "present": market.present(),
        "until": market.ms // 1000 - 1,
    }
    found = {sample["second"]: sample for sample in run_module("data/rebuild.js", REBUILD, given)}
    for second, sample in found.items():
        for shown, true in zip((sample["bids"], sample["asks"]), market.truth[second], strict=True):
            if sample["isWhole"]:
                assert shown == true, second
            else:
                assert shown[:PROVED] == true[:PROVED], second
                assert [level for level in shown if level not in true] == [], second
    return found


@pytest.mark.parametrize("depth", [10, 25, 100])
@pytest.mark.parametrize("seed", range(3))
def test_book_without_snapshot_is_rebuilt_where_its_checksum_proves_it(
    depth: int, seed: int
) -> None:
    market = Market(depth, seed)
    market.run(2000)
    entries = [entry for entry in market.entries if entry["ms"] >= START_MS + 60_000]
    found = rebuilt(market, entries)
    seconds = range(START_MS // 1000 + 60, market.ms // 1000)
    assert len(found) > 0.8 * len(seconds)
    assert max(found) == seconds[-1]
    assert {sample["isWhole"] for sample in found.values()} == {depth <= PROVED}
    # Far from the mid, most levels of a deep book are not touched.
    levels = sum(len(sample["bids"]) for sample in found.values()) / len(found)
    assert levels >= (60 if depth == 100 else PROVED)


def test_book_after_a_snapshot_is_whole_at_any_depth() -> None:
    market = Market(25)
    market.snapshot()
    market.run(500)
    found = rebuilt(market)
    assert list(found) == list(range(START_MS // 1000, market.ms // 1000))
    assert all(sample["isWhole"] for sample in found.values())


def test_quiet_book_has_a_sample_in_each_second_until_the_present() -> None:
    market = Market(10)
    market.snapshot()
    market.rest(30_400)
    market.update()
    market.rest(20_000)
    assert list(rebuilt(market)) == list(range(START_MS // 1000, market.ms // 1000))


def lose(market: Market) -> None:
    """Lose the book for some seconds."""
    market.status("syncing")
    market.rest(5000)
    market.snapshot()


def miss(market: Market) -> None:
    """Publish events that the reader does not get, and a snapshot that replaces them."""
    kept = len(market.entries)
    market.run(20, 250)
    del market.entries[kept:]
    market.snapshot()


def change_leader(market: Market) -> None:
    """Begin a new epoch after some seconds of silence."""
    market.rest(5000)
    market.epoch += 1
    market.snapshot()


@pytest.mark.parametrize("interrupt", [lose, miss, change_leader])
def test_interruption_is_a_gap(interrupt: Callable[[Market], None]) -> None:
    market = Market(10)
    market.snapshot()
    market.run(100)
    begin = market.ms // 1000
    interrupt(market)
    end = market.ms // 1000
    market.run(100)
    found = rebuilt(market)
    assert set(range(begin, end - 1)).isdisjoint(found)
    assert set(range(START_MS // 1000, begin - 1)) <= found.keys()
    assert set(range(end, market.ms // 1000)) <= found.keys()


def test_announced_live_status_keeps_the_book() -> None:
    market = Market(10)
    market.snapshot()
    market.run(50)
    market.status("live")
    market.run(50)
    assert list(rebuilt(market)) == list(range(START_MS // 1000, market.ms // 1000))


def test_missing_event_without_snapshot_is_not_bridged() -> None:
    market = Market(10)
    market.snapshot()
    market.run(300)
    lost = market.entries.pop(150)
    found = rebuilt(market)
    second = lost["ms"] // 1000
    assert second not in found
    assert second - 2 in found
    assert max(found) == market.ms // 1000 - 1


def test_wrong_checksum_proves_nothing() -> None:
    market = Market(25)
    market.snapshot()
    market.run(100)
    damaged = json.loads(json.dumps(market.entries))
    for entry in damaged[50:60]:
        entry["event"]["checksum"] ^= 1
    found = rebuilt(market, damaged)
    wrong = {entry["ms"] // 1000 for entry in damaged[51:59]}
    assert len(wrong & found.keys()) <= 1
    # Later checksums cover the best ten levels only.
    assert {sample["isWhole"] for second, sample in found.items() if second > max(wrong) + 1} == {
        False
    }


def test_events_after_the_present_book_are_not_used() -> None:
    market = Market(10)
    market.snapshot()
    market.run(100)
    present, until = market.present(), market.ms // 1000 - 1
    market.run(100)
    given = {"entries": market.entries, "present": present, "until": until}
    found = run_module("data/rebuild.js", REBUILD, given)
    assert [sample["second"] for sample in found] == list(range(START_MS // 1000, until + 1))
    assert (found[-1]["bids"], found[-1]["asks"]) == market.truth[until]


def test_level_that_cannot_be_ends_what_is_known() -> None:
    market = Market(10)
    market.snapshot()
    market.run(100)
    market.entries[50]["event"]["bids"] = [["1e5", "1"]]
    found = rebuilt(market)
    assert set(found) == set(range(START_MS // 1000, market.entries[49]["ms"] // 1000 + 1)) - {
        market.entries[50]["ms"] // 1000
    }
