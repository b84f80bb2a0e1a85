"""Random calls of the write script: events are never written twice or out of order.

After each step the keys must equal those of `script_model`, the rules in Python.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis

from kraken_book.contract.write import WriteCall, WriteRefusal, Written, touch_book
from kraken_book.event import Kind
from lab.written_books import KEPT, Event, book_call, status_call
from tests.kraken_book.script_model import ScriptModel
from tests.kraken_book.script_runner import ScriptRunner


class Write(NamedTuple):
    """A call. Its first seq is relative to the position of the stream."""

    epoch: int
    offset: int
    events: list[tuple[Kind, int]]
    is_book: bool


class Repeat(NamedTuple):
    calls_ago: int


class Touch(NamedTuple):
    epoch: int
    offset: int


class Lose(NamedTuple):
    hash: bool
    stream: bool


class Spoil(NamedTuple):
    """Another program damages a field of the hash, or adds an entry of the far future."""

    field: str | None
    value: str


Step = Write | Repeat | Touch | Lose | Spoil

# The seq of the last id can never match, because no event has the number 0.
DAMAGED_VALUES = ("1e308", "-1", "", "x", str(2**60), "1.5", "99999999999999999-0")

kinds: st.SearchStrategy[Kind] = st.sampled_from(
    ("update", "update", "update", "snapshot", "status")
)
writes = st.builds(
    Write,
    st.sampled_from([1, 1, 2, 2, 3, 4]),
    st.sampled_from([1, 1, 1, 0, -1, -2, 2, 5]),
    st.lists(st.tuples(kinds, st.sampled_from([1, 1, 1, 1, 2])), min_size=1, max_size=4),
    st.booleans(),
)
steps = st.lists(
    writes
    | writes
    | writes
    | st.builds(Repeat, st.integers(1, 3))
    | st.builds(Touch, st.integers(1, 3), st.integers(-1, 1))
    | st.builds(Lose, st.booleans(), st.booleans())
    | st.builds(
        Spoil,
        st.sampled_from([None, "stream_epoch", "stream_seq", "stream_id"]),
        st.sampled_from(DAMAGED_VALUES),
    ),
    min_size=1,
    max_size=12,
)


def call_of(step: Write, stream_seq: int) -> tuple[WriteCall, list[Event]]:
    seq = max(1, stream_seq + step.offset)
    events: list[Event] = []
    for kind, stride in step.events:
        events.append(Event(kind, seq))
        seq += stride
    make = book_call if step.is_book else status_call
    return make(step.epoch, events), events


def lose(step: Lose, script: ScriptRunner, model: ScriptModel) -> None:
    if step.hash:
        script.delete_hash()
        model.lose_hash()
    if step.stream:
        script.delete_stream()
        model.lose_stream()


def spoil(step: Spoil, script: ScriptRunner, model: ScriptModel) -> None:
    if step.field is None:
        if not model.is_stream_spoiled:
            script.put_entry("18446744073709551615-7", {"somebody": "else"})
        model.is_stream_spoiled = True
    elif model.hash is not None:
        script.put_fields(**{step.field: step.value})
        model.is_place_spoiled = True


def assert_in_order(script: ScriptRunner) -> None:
    entries = script.entries()
    positions = script.positions()
    for (event_id, _), (_, seq, _) in zip(entries, positions, strict=True):
        assert event_id.decode().split("-")[1] == str(seq)
    for (epoch, seq, _), (next_epoch, next_seq, kind) in pairwise(positions):
        assert (next_epoch, next_seq) > (epoch, seq), "out of order, or twice"
        assert next_seq > seq, "two events have one seq"
        if next_epoch > epoch:
            assert kind != "update", "an epoch opened with an update"
        elif kind != "snapshot":
            assert next_seq == seq + 1, "a jump without a snapshot"


def assert_equals_model(script: ScriptRunner, model: ScriptModel) -> None:
    assert script.positions() == model.stream
    fields = script.hash()
    assert bool(fields) == (model.hash is not None)
    if model.hash is not None:
        if not model.is_place_spoiled:
            assert script.stream_position() == model.hash.stream
        assert (script.book_position() if fields["seq"] else None) == model.hash.book


@given(steps)
@settings(
    deadline=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_random_calls_and_losses_keep_the_stream_in_order(
    client: Redis, sequence: list[Step]
) -> None:
    client.flushall()
    script, model = ScriptRunner(client), ScriptModel()
    made: list[tuple[WriteCall, Write, list[Event]]] = []
    written: set[str] = set()
    for step in sequence:
        before = script.dump()
        expected: WriteRefusal | None = None
        outcome: Written | WriteRefusal | None = None
        match step:
            case Lose():
                lose(step, script, model)
            case Spoil():
                spoil(step, script, model)
            case Touch():
                seq = max(1, model.place[1] + step.offset)
                expected = model.touch(step.epoch, seq)
                outcome = script.attempt(touch_book("BTC/USD", step.epoch, "later", KEPT, seq))
            case Write():
                call, events = call_of(step, model.place[1])
                made.append((call, step, events))
                entries = [event.entry(step.epoch) for event in events]
                expected = model.write(step.epoch, entries, is_book=step.is_book)
                outcome = script.attempt(call)
            case Repeat() if step.calls_ago <= len(made):
                call, write, events = made[-step.calls_ago]
                entries = [event.entry(write.epoch) for event in events]
                expected = model.write(write.epoch, entries, is_book=write.is_book)
                outcome = script.attempt(call)
        if expected is not None:
            assert outcome == expected
            assert script.dump() == before, "a refused call changed something"
        elif outcome is not None:
            assert isinstance(outcome, Written)
            assert outcome.seq == model.place[1]
        written |= {event_id.decode() for event_id, _ in script.entries()}
        assert_in_order(script)
        assert_equals_model(script, model)
        book_id = script.hash().get("event_id")
        assert not book_id or book_id in written, "the book has the id of no event"
