"""Wrong arguments to the compiled module raise an error; they never crash, hang or leak."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest

from lab.naive_book import NaiveBook
from lab.script_writer import book_frame
from tests.kraken_book.compiled_parts import (
    ASKS,
    BIDS,
    BTC,
    ODD_VALUES,
    REFUSALS,
    TIME,
    assert_usable,
    attempts,
    frame,
    lane_of,
    levels,
    open_outbox,
    sides,
    speedups,
    take,
)


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
