"""A script of what Kraken sends to a session and what else happens to it, written in advance.

`ScriptWriter` turns small steps, such as "an update of the first symbol", into frames with right
checksums, by a naive book that shares no code with the product. A script depends on nothing that
the session does, so that any number of sessions can be given exactly the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple

from lab.frame_mutations import FORMS, damage
from lab.naive_book import NaiveBook, TextLevel, text_of

START_UNIX_NS = 1_785_641_751_702_114_000
START_STEADY_NS = 5_000 * 10**9
# Long enough for the delay of any repeated request.
RECOVERY_NS = 65 * 10**9

# Times that Kraken might send instead of one in its usual form. `{}` is the time of the frame.
ODD_TIMES: tuple[str | None, ...] = (
    *(None, "", "Z", "now", "2026-08-02", "2026-08-02T03:35:51Z", "2026-08-02T03:35:51.66Z"),
    *("2026-08-02T03:35:51.660084123Z", "2026-08-02T03:35:51,660084Z"),
    *("2026-08-02T03:35:51.660084z", "2026-08-02t03:35:51.660084Z", "2026-08-02 03:35:51.660084Z"),
    *("2026-08-02T03:35:51.660084", "2026-08-02T03:35:51.660084+00:00"),
    *("2026-08-02T05:35:51.660084+02:00", "2026-08-02T03:35:51.660084-00:00"),
    *("2026-12-31T23:59:60.000000Z", "2026-08-02T24:00:00.000000Z", "2026-08-02T23:60:00.000000Z"),
    *("2026-04-31T00:00:00.000000Z", "2026-02-29T00:00:00.000000Z", "2028-02-29T00:00:00.000000Z"),
    *("2000-02-29T00:00:00.000000Z", "2100-02-29T00:00:00.000000Z", "2026-02-30T00:00:00.000000Z"),
    *("2026-00-10T00:00:00.000000Z", "2026-13-10T00:00:00.000000Z", "2026-08-00T00:00:00.000000Z"),
    *("2026-08-32T00:00:00.000000Z", "0001-01-01T00:00:00.000000Z", "0000-01-01T00:00:00.000000Z"),
    *("1969-12-31T23:59:59.999999Z", "1970-01-01T00:00:00.000000Z", "1970-01-01T00:00:00.000001Z"),
    *("1970-01-01T00:00:00.999999Z", "1970-01-01T00:00:01.000000Z", "9999-12-31T23:59:59.999999Z"),
    *(
        "2026-08-02T03:35:51.66008\uff14Z",
        "\uff12026-08-02T03:35:51.660084Z",
        "-026-08-02T03:35:51.660084Z",
    ),
    *("2026-08-02T03:35:51.66008 Z", "2026-08-02T03:35: 1.660084Z", "2026-08-02T+3:35:51.660084Z"),
    *("2026-W31-7T03:35:51.660084Z", "20260802T033551.660084Z", "2026/08/02T03:35:51.660084Z"),
    *("2026-08-02T03:35:51.660084Z\\u0000", "2026-08-02T03:35:51.66008\\u0034Z", "\\ud800"),
)

# Quantities in lots. Those at the end have 17 and more digits, and pass 2**53 and 2**63.
LOTS = (
    *(1, 2, 5_100, 12_345_678, 10**8, 3 * 10**8, 10**10 + 7),
    *(2**53 - 1, 2**53 + 1, 10**15, 10**16 + 1, 10**17 - 1, 10**17, 10**18 - 1, 10**18),
    *(2**63 - 1, 2**63, 2**64 + 1, 10**19, 10**20 - 1, 10**24 + 3, 10**37),
)


class Pair(NamedTuple):
    """A symbol of the script: its precision, and its price in ticks."""

    symbol: str
    price: int
    qty: int
    mid: int

    @property
    def quoted(self) -> str:
        """The symbol as JSON, with the characters that JSON need not escape as they are."""
        return json.dumps(self.symbol, ensure_ascii=False)


PAIRS = (
    Pair("BTC/USD", 1, 8, 633_810),
    Pair("ETH/USD", 2, 8, 345_678),
    Pair("ETH/USDT", 2, 8, 345_671),
    Pair("DOGE/EUR", 7, 0, 1_234_567),
    Pair("TINY/X", 0, 0, 14),
    Pair("NINE/X", 9, 9, 10**9 - 2),
    Pair("W/X", 10, 10, 10**16),
    Pair("P17/X", 1, 8, 10**17 - 2),
    Pair("P18/X", 8, 8, 10**18 - 2),
    Pair("P19/X", 0, 1, 10**18 + 10**17),
    Pair("P53/X", 8, 5, 2**53 - 2),
    Pair("P63/X", 0, 8, 2**63 - 2),
    Pair("P64/X", 3, 8, 2**64 - 2),
    Pair("D18/X", 18, 18, 10**18 - 2),
    Pair("D17/X", 17, 1, 10**17 - 2),
    Pair("D30/X", 30, 30, 10**25),
    Pair("É/USD", 3, 3, 5_000),
    Pair("A\\u0042/X", 5, 5, 77_777),
    Pair('Q"Q/X', 1, 2, 4_000),
    Pair("N\n/X", 1, 2, 4_000),
    Pair("", 1, 2, 4_000),
)


class World(NamedTuple):
    """What a script is about: the pairs, the depth of their books, and the limits of queues."""

    pairs: tuple[Pair, ...]
    depth: int
    room_each: int
    room_together: int


# What happens to a session


class Send(NamedTuple):
    """A frame arrives, in one batch with the frames around it."""

    frame: bytes


class Advance(NamedTuple):
    """Time passes."""

    nanoseconds: int


class SymbolAction(NamedTuple):
    """Something happens to one symbol."""

    kind: Literal["take", "look", "remove", "add", "close"]
    symbol: str


class Open(NamedTuple):
    """This collector leads from now on."""

    symbol: str
    epoch: int
    after_seq: int


class Refuse(NamedTuple):
    """Redis refused a write, and its stream is at this distance from the queue's position."""

    symbol: str
    epochs: int
    seqs: int


class SessionAction(NamedTuple):
    """Something happens to the session; `amount` is the number of symbols for `share`."""

    kind: Literal["tick", "requests", "reconnect", "share"]
    amount: int = 0


Action = Send | Advance | SymbolAction | Open | Refuse | SessionAction


class Script(NamedTuple):
    """The actions, in order."""

    world: World
    actions: tuple[Action, ...]


# The steps that a script is written from


class Change(NamedTuple):
    """A level of a step: the distance from the middle, and which of `LOTS`; -1 removes it."""

    distance: int
    lots: int


class Damage(NamedTuple):
    """The three numbers of `damage`."""

    which: int
    where: int
    what: int


class Update(NamedTuple):
    """An update of one symbol.

    `time` chooses one of `ODD_TIMES`, and `form` one of `FORMS`, if they are not -1. `wrong` is
    added to the checksum.
    """

    pair: int
    bids: tuple[Change, ...]
    asks: tuple[Change, ...]
    time: int = -1
    form: int = -1
    damages: tuple[Damage, ...] = ()
    wrong: int = 0
    is_lost: bool = False
    repeats: int = 1


class Snapshot(NamedTuple):
    """A snapshot of one symbol."""

    pair: int
    form: int = -1
    damages: tuple[Damage, ...] = ()


class Other(NamedTuple):
    """A frame that is no book, or one of no followed symbol."""

    which: int


class Pass(NamedTuple):
    """Time passes, and the venue's clock is `delay` seconds behind from now on."""

    nanoseconds: int
    delay: int


class Happen(NamedTuple):
    """Something happens to a symbol or to the session."""

    pair: int
    which: int
    amount: int


Step = Update | Snapshot | Other | Pass | Happen


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
