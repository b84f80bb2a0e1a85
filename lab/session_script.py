"""A script of what Kraken sends to a session and what else happens to it, written in advance.

`lab.script_writer` writes it from small steps, such as "an update of the first symbol". A script
depends on nothing that the session does, so that any number of sessions can be given exactly the
same.
"""

from __future__ import annotations

import json
from typing import Literal, NamedTuple

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
