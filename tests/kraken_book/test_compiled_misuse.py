"""Wrong arguments to the compiled module raise an error; they never crash, hang or leak."""

from __future__ import annotations

import contextlib
import gc
import sys
import weakref
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from typing import Any

import pytest

from kraken_book.level import Level, level_of
from lab.naive_book import NaiveBook
from lab.session_script import book_frame

speedups: Any = pytest.importorskip(
    "kraken_book._speedups", reason="not built", exc_type=ImportError
)

BTC = "BTC/USD"
TIME = "2026-08-02T03:35:51.660084Z"
BIDS = [("100.0", "1.00000000"), ("99.0", "2.00000000")]
ASKS = [("101.0", "3.00000000"), ("102.0", "4.00000000")]
REFUSALS = (TypeError, ValueError, OverflowError, AttributeError, IndexError, LookupError)
ODD_VALUES: tuple[object, ...] = (
    *(None, True, 0, 1, -1, 2**31, 2**32, 2**63 - 1, 2**63, -(2**63), 2**64, 10**30, 1.5),
    *("", "x", "\x00", "é", "\ud800", TIME, TIME[:-1], "x" * 10**5, b"", b"x", bytearray(b"x")),
    *([], [1], [b""], (), (1, 2), {}, {b"x": 1}, set(), object(), len, int, Level),
)


def levels(*pairs: tuple[str, str]) -> list[Level]:
    return [level_of(*pair) for pair in pairs]


def sides() -> tuple[Any, Any]:
    bids, asks = speedups.Side(-1), speedups.Side(1)
    bids.apply(levels(*BIDS), 10)
    asks.apply(levels(*ASKS), 10)
    return bids, asks


def open_outbox(on_waiting: Callable[[], object] = list) -> Any:
    outbox = speedups.Outbox(on_waiting)
    outbox.epoch, outbox.room = 1, 1000
    return outbox


def lane_of(outbox: Any = None, name: str = BTC) -> Any:
    lane = speedups.Lane(name, f'"{name}"', "read at")
    lane.carry(*sides(), 10, 1, 8)
    lane.outbox = outbox
    return lane


def frame(symbol: str = BTC, qty: str = "7.00000000", price: str = "100.0") -> bytes:
    naive = NaiveBook()
    naive.frame(BIDS, ASKS)
    naive.frame([(price, qty)])
    return book_frame("update", f'"{symbol}"', [(price, qty)], [], naive.checksum, TIME)


def take(lanes: Any, messages: Any, first: Any = 0, woken: Any = None) -> Any:
    woken = [] if woken is None else woken
    return speedups.take(lanes, messages, first, "read at", TIME, woken)


def assert_usable(lane: Any, taken: int = 1) -> None:
    assert take({BTC.encode(): lane}, [frame()]) == (taken, None)


def attempts(call: Callable[..., object], right: tuple[object, ...]) -> Iterator[int]:
    """Call with each argument replaced by each odd value, and with too few and too many."""
    changed = [
        (*right[:at], value, *right[at + 1 :])
        for at, value in product(range(len(right)), ODD_VALUES)
    ]
    for arguments in (*changed, (), right[:-1], (*right, None), (*right, *right)):
        try:
            call(*arguments)
        except REFUSALS:
            yield 1
        else:
            yield 0


def test_plain_update_is_taken() -> None:
    outbox = open_outbox()
    lane = lane_of(outbox)
    woken: list[Any] = []
    assert take({BTC.encode(): lane}, [frame(), frame()], woken=woken) == (2, None)
    assert (len(outbox.updates), outbox.seq, woken) == (2, 2, [outbox])


@pytest.mark.parametrize("name", ["Side", "Outbox", "Lane"])
def test_constructors_refuse_odd_arguments(name: str) -> None:
    right = {"Side": (1,), "Outbox": (list,), "Lane": (BTC, f'"{BTC}"', None)}[name]
    assert sum(attempts(getattr(speedups, name), right)) >= 3


def test_take_refuses_odd_arguments_and_changes_nothing() -> None:
    outbox = open_outbox()
    lane = lane_of(outbox)
    right: tuple[Any, ...] = ({BTC.encode(): lane}, [b"nonsense"], 0, None, TIME, [])
    assert sum(attempts(speedups.take, right)) > len(ODD_VALUES)
    assert outbox.updates == []
    assert_usable(lane)


def test_carry_refuses_odd_arguments_and_keeps_its_book() -> None:
    def carry(*arguments: object) -> None:
        lane = lane_of(open_outbox())
        try:
            lane.carry(*arguments)
        except REFUSALS:
            assert_usable(lane)
            raise
        take({BTC.encode(): lane}, [frame()])

    assert sum(attempts(carry, (*sides(), 10, 1, 8))) > 3 * len(ODD_VALUES)


@pytest.mark.parametrize("depth", [0, -1, -(2**40), 1, 2**31, 2**40, 2**62])
def test_any_depth_of_a_lane_is_refused_or_works(depth: int) -> None:
    lane = lane_of(open_outbox())
    try:
        lane.carry(*sides(), depth, 1, 8)
    except REFUSALS:
        assert depth <= 0 or depth > 2**31
    take({BTC.encode(): lane}, [frame(), frame(qty="0.00000000")])


@pytest.mark.parametrize("depth", [-1, -(2**63), 2**31, 2**62, 2**63, "10", None, 1.5])
def test_side_refuses_an_odd_depth_or_uses_it(depth: Any) -> None:
    side = speedups.Side(1)
    side.apply(levels(*ASKS), 10)
    before = side.json
    try:
        side.apply(levels(("103.0", "1.00000000")), depth)
    except REFUSALS:
        assert side.json == before
    assert len(side) in (2, 3) or depth <= 0


def test_lane_with_one_side_twice_or_exchanged_sides_does_not_crash() -> None:
    for choose in ((0, 0), (1, 1), (1, 0)):
        lane, pair = lane_of(open_outbox()), sides()
        try:
            lane.carry(pair[choose[0]], pair[choose[1]], 10, 1, 8)
        except REFUSALS:
            assert_usable(lane)
            continue
        for qty in ("7.00000000", "0.00000000"):
            take({BTC.encode(): lane}, [frame(qty=qty)])


@pytest.mark.parametrize("name", ["on_waiting", "epoch", "seq", "room", "is_waiting", "updates"])
def test_outbox_refuses_odd_values_or_works_with_them(name: str) -> None:
    for value in ODD_VALUES:
        outbox = open_outbox()
        before = getattr(outbox, name)
        try:
            setattr(outbox, name, value)
        except REFUSALS:
            assert getattr(outbox, name) == before
        take({BTC.encode(): lane_of(outbox)}, [frame(), frame()])
    with pytest.raises(REFUSALS):
        delattr(outbox, name)
    getattr(outbox, name)


@pytest.mark.parametrize("name", ["read_at", "checksum", "exchange_time", "outbox", "symbol"])
def test_lane_refuses_odd_values_or_works_with_them(name: str) -> None:
    for value in ODD_VALUES:
        lane = lane_of(open_outbox())
        before = getattr(lane, name)
        try:
            setattr(lane, name, value)
        except REFUSALS:
            assert getattr(lane, name) == before
        else:
            assert getattr(lane, name) == value
        take({BTC.encode(): lane}, [frame(), frame()])
    with contextlib.suppress(*REFUSALS):
        delattr(lane, name)
    take({BTC.encode(): lane}, [frame()])


@pytest.mark.parametrize("first", [-1, -(2**31), -(2**63), 2, 3, 2**31, 2**62, 2**63])
def test_first_out_of_range_is_refused(first: int) -> None:
    outbox = open_outbox()
    lanes, messages = {BTC.encode(): lane_of(outbox)}, [frame()]
    with pytest.raises(REFUSALS):
        take(lanes, messages, first)
    assert outbox.updates == []


def test_first_behind_the_last_message_takes_nothing() -> None:
    assert take({BTC.encode(): lane_of()}, [frame()], 1) == (1, None)
    assert take({}, []) == (0, None)


@pytest.mark.parametrize(
    "message", [None, 5, "text", bytearray(frame()), memoryview(frame()), [frame()], object()]
)
def test_message_that_is_not_bytes_is_refused_or_not_taken(message: Any) -> None:
    outbox = open_outbox()
    lanes = {BTC.encode(): lane_of(outbox)}
    with contextlib.suppress(*REFUSALS):
        assert take(lanes, [frame(), message]) == (1, None)
    assert len(outbox.updates) <= 1


def test_seq_at_the_end_of_64_bits_is_not_passed() -> None:
    outbox = open_outbox()
    outbox.seq = 2**63 - 2
    with contextlib.suppress(*REFUSALS):
        take({BTC.encode(): lane_of(outbox)}, [frame()] * 3)
    assert 2**63 - 2 <= outbox.seq < 2**63


def test_lane_whose_key_is_another_symbol_does_not_crash() -> None:
    lanes: dict[Any, Any] = {
        b"": lane_of(),
        b"X" * 5000: lane_of(),
        BTC: lane_of(),
        5: lane_of(),
        None: lane_of(),
        BTC.encode(): lane_of(open_outbox(), name="ETH/USD"),
    }
    assert take(lanes, [frame()]) in {(1, None), (0, None)}
    for value in ODD_VALUES:
        with contextlib.suppress(*REFUSALS):
            assert take({BTC.encode(): value}, [frame()]) == (0, None)


def test_one_outbox_and_one_side_of_two_lanes() -> None:
    outbox, pair = open_outbox(), sides()
    lanes = [speedups.Lane(name, f'"{name}"', None) for name in (BTC, "ETH/USD")]
    for lane in lanes:
        lane.carry(*pair, 10, 1, 8)
        lane.outbox = outbox
    by_key = {BTC.encode(): lanes[0], b"ETH/USD": lanes[1]}
    assert take(by_key, [frame(), frame("ETH/USD")]) == (2, None)
    assert (outbox.seq, len(outbox.updates)) == (2, 2)


@pytest.mark.parametrize("length", [0, 1, 100, 125, 126, 127, 128, 129, 1000, 10**6])
def test_name_of_any_length_is_refused_or_rendered_whole(length: int) -> None:
    name = "B" * length
    outbox = open_outbox()
    try:
        lane = lane_of(outbox, name)
    except REFUSALS:
        return
    taken, wrong = take({name.encode(): lane}, [frame(name)])
    assert wrong is None
    assert len(outbox.updates) == taken
    assert not taken or f'{{"symbol":"{name}",' in outbox.updates[0].decode()


@pytest.mark.parametrize("length", [0, 1, 27, 100, 500, 10**4, 10**6])
def test_received_at_of_any_length_is_refused_or_rendered_whole(length: int) -> None:
    outbox, text = open_outbox(), "T" * length
    lanes = {BTC.encode(): lane_of(outbox)}
    try:
        taken, _ = speedups.take(lanes, [frame()], 0, None, text, [])
    except REFUSALS:
        return
    assert not taken or outbox.updates[0].endswith(f'"received_at":"{text}"}}'.encode())


def test_largest_frame_is_rendered_whole() -> None:
    for count in (1, 100, 255, 256, 257, 1000):
        outbox = open_outbox()
        naive = NaiveBook()
        naive.frame(BIDS, ASKS)
        bids = [(f"{n + 1}.0", "9999999999.99999999") for n in range(count)]
        asks = [(f"99999999999999999.{n % 10}", f"999999999.{n:08d}") for n in range(count)]
        naive.frame(bids, asks)
        data = book_frame("update", f'"{BTC}"', bids, asks, naive.checksum, TIME)
        naive_crossed = naive.crossed
        taken, wrong = take({BTC.encode(): lane_of(outbox)}, [data])
        if taken and not naive_crossed:
            assert wrong is None
            pairs = ",".join(f'["{price}","{qty}"]' for price, qty in bids)
            assert f'"bids":[{pairs}]'.encode() in outbox.updates[0]


class OddLevel:
    def __init__(self, price: Any, qty: Any) -> None:
        self.price, self.qty = price, qty


ODD_TEXTS = (
    *("", ".", "..", "-1.0", "+1.0", "1e5", "1.", ".5", "1.0.0", " 1.0", "1.0 ", "\u0661.0", "1,0"),
    *("\x00", "1.0\x00", "\ud800", "x" * 10**6, "1" * 10**6, "0" * 30, "NaN", '1"', "1_0"),
)


@pytest.mark.parametrize("odd", [*ODD_TEXTS, None, 1, 1.0, b"1.0", ["1.0"]], ids=ascii)
def test_level_with_odd_texts_is_refused_or_stored_whole(odd: Any) -> None:
    for level in (OddLevel(odd, "1.0"), OddLevel("5.0", odd), OddLevel(odd, odd)):
        side = speedups.Side(1)
        side.apply(levels(*ASKS), 10)
        before = (side.json, side.checksum_text)
        try:
            side.apply([*levels(("104.0", "1.00000000")), level], 10)
        except (*REFUSALS, UnicodeError):
            assert (side.json, side.checksum_text) == before
        assert isinstance(side.json, str)
        assert len(side.pairs()) == len(side)


def test_iterable_that_changes_the_side_while_it_is_applied() -> None:
    side = speedups.Side(1)

    def changing() -> Iterator[Level]:
        for n in range(200):
            side.apply(levels(*((f"{n + k + 1}.0", "1.00000000") for k in range(50))), 1000)
            yield level_of(f"{n + 1}.0", "2.00000000")
            side.clear()

    side.apply(changing(), 10)
    assert len(side) == len(side.pairs()) == len(list(side.pairs())) <= 10
    assert side.pairs() == sorted(side.pairs(), key=lambda pair: float(pair[0]))


def test_level_that_changes_the_side_while_it_is_read() -> None:
    side = speedups.Side(1)

    class Changing:
        qty = "1.00000000"

        @property
        def price(self) -> str:
            side.apply(levels(*((f"{k + 1}.0", "1.00000000") for k in range(300))), 1000)
            side.clear()
            gc.collect()
            return "7.0"

    side.apply([Changing() for _ in range(20)], 10)
    assert side.pairs() == [("7.0", "1.00000000")]


def test_iterable_that_raises_changes_nothing() -> None:
    side = speedups.Side(1)
    side.apply(levels(*ASKS), 10)

    def raising() -> Iterator[Level]:
        yield from levels(("100.5", "1.00000000"))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        side.apply(raising(), 10)
    assert side.pairs() == ASKS


class HostileKey:
    """A key that looks like a symbol, and runs code when it is compared."""

    def __init__(self, action: Callable[[], object]) -> None:
        self._action = action

    def __hash__(self) -> int:
        return hash(BTC.encode())

    def __eq__(self, other: object) -> bool:
        self._action()
        return False


def test_dictionary_whose_keys_run_code_does_not_crash() -> None:
    lane = lane_of(open_outbox())
    messages = [bytes(bytearray(frame())) for _ in range(50)]
    lanes: dict[Any, Any] = {}

    def act() -> None:
        messages.clear()
        lane.drop()
        gc.collect()

    lanes[HostileKey(act)] = lane
    try:
        taken, _ = take(lanes, messages)
    except (*REFUSALS, RuntimeError):
        return
    assert 0 <= taken <= 50


def test_comparison_of_keys_that_raises_is_passed_on_or_not_taken() -> None:
    lanes: dict[Any, Any] = {HostileKey(lambda: 1 // 0): lane_of()}
    with contextlib.suppress(ZeroDivisionError):
        assert take(lanes, [frame()]) == (0, None)


def test_subclasses_of_bytes_lists_and_dicts_work() -> None:
    class Bytes(bytes):
        pass

    class List(list[bytes]):
        pass

    class Dict(dict[bytes, Any]):
        pass

    outbox = open_outbox()
    lane = lane_of(outbox)
    taken, wrong = take(Dict({Bytes(BTC.encode()): lane}), List([Bytes(frame()), frame()]))
    assert wrong is None
    assert len(outbox.updates) == taken


@pytest.mark.parametrize("name", ["Side", "Outbox", "Lane"])
def test_object_without_init_is_harmless(name: str) -> None:
    kind = getattr(speedups, name)
    try:
        bare = kind.__new__(kind)
    except REFUSALS:
        return
    for attribute in dir(kind):
        if attribute.startswith("__"):
            continue
        try:
            value = getattr(bare, attribute)
            if callable(value) and attribute != "on_waiting":
                value()
        except REFUSALS:
            pass
    lane = lane_of()
    for use in (
        lambda: len(bare),
        lambda: lane.carry(bare, bare, 10, 1, 8),
        lambda: setattr(lane, "outbox", bare),
        lambda: take({BTC.encode(): bare}, [frame()]),
        lambda: take({BTC.encode(): lane}, [frame()]),
    ):
        with contextlib.suppress(*REFUSALS):
            use()


@pytest.mark.parametrize("name", ["Side", "Outbox", "Lane"])
def test_second_init_is_harmless(name: str) -> None:
    outbox = open_outbox()
    lane = lane_of(outbox)
    bids, asks = sides()
    lane.carry(bids, asks, 10, 1, 8)
    for one, right in (
        ({"Side": bids, "Outbox": outbox, "Lane": lane}[name], ODD_VALUES),
        ({"Side": bids, "Outbox": outbox, "Lane": lane}[name], (1, list)),
    ):
        for value in right:
            for arguments in ((value,), (value, value, value), (BTC, f'"{BTC}"', value)):
                with contextlib.suppress(*REFUSALS):
                    one.__init__(*arguments)
                take({BTC.encode(): lane}, [frame()])
    assert len(bids) == len(bids.pairs())


def test_cycle_of_lane_and_callback_is_collected() -> None:
    class Owner:
        pass

    owner = Owner()
    gone = weakref.ref(owner)
    outbox = open_outbox(partial(id, owner))
    lane = lane_of(outbox)
    owner.lane = lane  # type: ignore[attr-defined]
    lane.read_at = owner
    outbox.updates.append(owner)
    del owner, lane, outbox
    gc.collect()
    assert gone() is None


def test_calls_that_raise_leak_nothing() -> None:
    lane = lane_of(open_outbox())
    right: tuple[Any, ...] = ({BTC.encode(): lane}, [frame()], 0, None, TIME, [])

    def misuse() -> None:
        for value in ODD_VALUES:
            for at in range(len(right)):
                with contextlib.suppress(*REFUSALS):
                    speedups.take(*right[:at], value, *right[at + 1 :])
            for name in ("checksum", "exchange_time", "outbox"):
                with contextlib.suppress(*REFUSALS):
                    setattr(lane, name, value)
            for name in ("epoch", "seq", "room", "updates"):
                with contextlib.suppress(*REFUSALS):
                    setattr(speedups.Outbox(list), name, value)
            with contextlib.suppress(*REFUSALS, UnicodeError):
                speedups.Side(1).apply([OddLevel(value, value)], 10)

    counts = [sys.getrefcount(value) for value in ODD_VALUES[26:]]
    misuse()
    gc.collect()
    blocks = sys.getallocatedblocks()
    for _ in range(50):
        misuse()
    gc.collect()
    assert sys.getallocatedblocks() - blocks < 100
    after = [sys.getrefcount(value) for value in ODD_VALUES[26:]]
    assert max(b - a for a, b in zip(counts, after, strict=True)) < 20
