"""Write the script of a session from steps, with frames that have right checksums.

The checksums are those of a naive book, which shares no code with the product.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from lab.frame_mutations import FORMS, damage
from lab.naive_book import NaiveBook, TextLevel, text_of
from lab.session_script import (
    LOTS,
    ODD_TIMES,
    RECOVERY_NS,
    START_UNIX_NS,
    Action,
    Advance,
    Change,
    Damage,
    Happen,
    Open,
    Other,
    Pair,
    Pass,
    Refuse,
    Script,
    Send,
    SessionAction,
    Snapshot,
    Step,
    SymbolAction,
    Update,
    World,
)


def levels_json(levels: Iterable[TextLevel]) -> str:
    """Return levels in Kraken's form: numbers with all their zeros."""
    return ",".join(f'{{"price":{price},"qty":{qty}}}' for price, qty in levels)


def book_frame(
    kind: str,
    quoted_symbol: str,
    bids: Iterable[TextLevel],
    asks: Iterable[TextLevel],
    checksum: int,
    time: str | None,
) -> bytes:
    """Return a frame of the channel `book` exactly as Kraken writes it."""
    timestamp = "" if time is None else f',"timestamp":"{time}"'
    return (
        f'{{"channel":"book","type":"{kind}","data":[{{"symbol":{quoted_symbol},'
        f'"bids":[{levels_json(bids)}],"asks":[{levels_json(asks)}],"checksum":{checksum}'
        f"{timestamp}}}]}}"
    ).encode()


def instruments_frame(pairs: Iterable[Pair], more: int = 0) -> bytes:
    """Return all pairs; or an update of them, with `more` decimals of the first one's prices."""
    listed = [
        {
            "symbol": pair.symbol,
            "price_precision": pair.price + (more if number == 0 else 0),
            "qty_precision": pair.qty,
            "status": "online",
        }
        for number, pair in enumerate(pairs)
    ]
    kind = "update" if more else "snapshot"
    frame = {"channel": "instrument", "type": kind, "data": {"assets": [], "pairs": listed}}
    return json.dumps(frame).encode()


def iso_time(unix_ns: int) -> str:
    """Return a Unix time in Kraken's form."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=unix_ns // 1000)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class ScriptWriter:
    """Writes the actions of a script, step by step."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.actions: list[Action] = []
        self._books = {pair.symbol: NaiveBook(world.depth) for pair in world.pairs}
        self._now = 0
        self._delay = 0
        self._updates = 0
        # Symbols that the session probably doubts, and after how many steps they recover.
        self._recoveries: dict[int, int] = {}
        self._removed: set[str] = set()
        for number in range(len(world.pairs)):
            self._reset(number)
        self._send(instruments_frame(self.world.pairs))
        for number, pair in enumerate(world.pairs):
            self._send(_answer("subscribe", pair), self._snapshot(number))
            if number % 3 != 2:
                self.actions.append(Open(pair.symbol, 7, 0))
        self.actions.append(SessionAction("requests"))

    def script(self) -> Script:
        """Return the script so far, with a look at everything in the end."""
        looks = [SymbolAction("look", pair.symbol) for pair in self.world.pairs]
        takes = [SymbolAction("take", pair.symbol) for pair in self.world.pairs]
        return Script(self.world, (*self.actions, *looks, *takes, SessionAction("requests")))

    def write(self, step: Step) -> None:
        """Write one step."""
        match step:
            case Update():
                self._write_updates(step)
            case Snapshot():
                number = step.pair % len(self.world.pairs)
                self._send(_deformed(self._snapshot(number), step.form, step.damages))
                if step.damages or self._books[self.world.pairs[number].symbol].crossed:
                    self._recoveries.setdefault(number, 2)
            case Other():
                self._send(self._others()[step.which % len(self._others())])
            case Pass():
                self._delay = step.delay
                self._advance(step.nanoseconds)
            case Happen():
                self._happen(step)
        for number, left in list(self._recoveries.items()):
            if left:
                self._recoveries[number] = left - 1
            else:
                del self._recoveries[number]
                self._recover(number)

    def _write_updates(self, step: Update) -> None:
        number = step.pair % len(self.world.pairs)
        for repeat in range(step.repeats):
            frame = self._update(number, step, repeat)
            if not step.is_lost:
                self._send(frame)
        if step.damages or step.wrong or step.is_lost or step.form >= 0:
            self._recoveries.setdefault(number, 3)
        if self._books[self.world.pairs[number].symbol].crossed:
            self._recoveries.setdefault(number, 1)

    def _update(self, number: int, step: Update, repeat: int) -> bytes:
        pair = self.world.pairs[number]
        book = self._books[pair.symbol]
        bids = [_text_level(pair, -1, change, repeat) for change in step.bids]
        asks = [_text_level(pair, 1, change, repeat) for change in step.asks]
        book.frame(bids, asks)
        self._updates += 1
        time: str | None = iso_time(
            START_UNIX_NS + self._now - self._delay * 10**9 + self._updates * 1000 - 10**8
        )
        if step.time >= 0:
            time = ODD_TIMES[step.time % len(ODD_TIMES)]
        frame = book_frame("update", pair.quoted, bids, asks, book.checksum + step.wrong, time)
        return _deformed(frame, step.form, step.damages)

    def _snapshot(self, number: int) -> bytes:
        pair = self.world.pairs[number]
        book = self._books[pair.symbol]
        time = iso_time(START_UNIX_NS + self._now - self._delay * 10**9)
        return book_frame("snapshot", pair.quoted, book.bids, book.asks, book.checksum, time)

    def _reset(self, number: int) -> None:
        pair = self.world.pairs[number]
        bids = [_text_level(pair, -1, Change(n, n), 0) for n in range(4)]
        asks = [_text_level(pair, 1, Change(n, n + 1), 0) for n in range(4)]
        self._books[pair.symbol].snapshot(bids, asks)

    def _recover(self, number: int) -> None:
        pair = self.world.pairs[number]
        self._reset(number)
        self._send(_answer("unsubscribe", pair))
        self.actions.append(SessionAction("requests"))
        self._advance(RECOVERY_NS)
        self.actions += [SessionAction("tick"), SessionAction("requests")]
        self._send(_answer("subscribe", pair), self._snapshot(number))

    def _happen(self, step: Happen) -> None:
        symbol = self.world.pairs[step.pair % len(self.world.pairs)].symbol
        amount = step.amount
        happenings: tuple[Sequence[Action], ...] = (
            [SymbolAction("take", symbol)],
            [SymbolAction("take", pair.symbol) for pair in self.world.pairs],
            [SymbolAction("look", symbol)],
            [SymbolAction("close", symbol)],
            [Open(symbol, 8 + amount, 0)],
            [Open(symbol, 8, amount * 10)],
            [Refuse(symbol, amount % 2, amount)],
            [SessionAction("share", 1 + amount)],
            [SessionAction("tick")],
            [SessionAction("requests")],
        )
        which = step.which % (len(happenings) + 3)
        if which < len(happenings):
            self.actions += happenings[which]
        elif which == len(happenings):
            self.actions.append(SessionAction("reconnect"))
            self._send(instruments_frame(self.world.pairs))
            for number in range(len(self.world.pairs)):
                self._recoveries.setdefault(number, number % 2)
        elif symbol in self._removed:
            self._removed.remove(symbol)
            self.actions.append(SymbolAction("add", symbol))
            self._recoveries.setdefault(step.pair % len(self.world.pairs), 1)
        else:
            self._removed.add(symbol)
            self.actions.append(SymbolAction("remove", symbol))

    def _others(self) -> tuple[bytes, ...]:
        pairs = self.world.pairs
        first, last = pairs[0], pairs[-1]
        snapshot = self._snapshot(0)
        entries = b",".join(
            book_frame("update", pair.quoted, [], [], self._books[pair.symbol].checksum, None)[
                len('{"channel":"book","type":"update","data":[') : -len("]}")
            ]
            for pair in pairs
        )
        return (
            b'{"channel":"heartbeat"}',
            b'{"channel":"heartbeat"}',
            b'{"channel":"book","type":"update","data":[' + entries + b"]}",
            b'{"channel":"book","type":"update","data":[]}',
            b'{"channel":"book","type":"other","data":[]}',
            book_frame("update", '"SOL/USD"', [("1.0", "1.0")], [], 1, iso_time(START_UNIX_NS)),
            book_frame("update", first.quoted[:-2] + '"', [], [], 1, iso_time(START_UNIX_NS)),
            snapshot.replace(b'"snapshot"', b'"update"'),
            b'{"channel":"status","type":"update","data":[{"system":"maintenance"}]}',
            b'{"channel":"ticker","type":"update","data":[]}',
            instruments_frame(pairs),
            instruments_frame(pairs, more=1),
            _answer("subscribe", first),
            _answer("subscribe", last, error="Already subscribed"),
            _answer("subscribe", first, error="Currency pair not supported"),
            _answer("unsubscribe", last),
            b"",
            b"nonsense",
            b"\xff\xfe",
            b'{"channel":"book","type":"update","da',
            b'{"channel":"book","type":"update","data":[{"bids":[],"asks":[],"checksum":1}]}',
        )

    def _send(self, *frames: bytes) -> None:
        self.actions += map(Send, frames)

    def _advance(self, nanoseconds: int) -> None:
        self._now += nanoseconds
        self.actions.append(Advance(nanoseconds))


def write_script(world: World, steps: Iterable[Step]) -> Script:
    """Return the script of these steps."""
    writer = ScriptWriter(world)
    for step in steps:
        writer.write(step)
    return writer.script()


def _text_level(pair: Pair, direction: int, change: Change, repeat: int) -> TextLevel:
    ticks = max(0, pair.mid + direction * (change.distance + 1))
    lots = 0 if change.lots < 0 else LOTS[change.lots % len(LOTS)] + repeat
    return text_of(ticks, pair.price), text_of(lots, pair.qty)


def _deformed(frame: bytes, form: int, damages: Iterable[Damage]) -> bytes:
    if form >= 0:
        frame = FORMS[form % len(FORMS)](frame)
    for each in damages:
        frame = damage(frame, *each)
    return frame


def _answer(method: str, pair: Pair, error: str | None = None) -> bytes:
    result = {"channel": "book", "depth": 10, "snapshot": True, "symbol": pair.symbol}
    if error is not None:
        answer = {"error": error, "method": method, "success": False, "symbol": pair.symbol}
        return json.dumps(answer).encode()
    return json.dumps({"method": method, "result": result, "success": True}).encode()
