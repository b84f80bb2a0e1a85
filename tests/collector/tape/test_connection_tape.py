"""The queue of a tape is bounded in bytes; what it has no room for is counted and noted."""

from __future__ import annotations

from collector.tape.connection_tape import ConnectionTape
from collector.tape.lines import dropped_line
from collector.tape.tape_queue import TapeEntry, TapeQueue
from tests.collector.tape.taping import URL

FRAME = b"x" * 936
ENTRY_BYTES = TapeEntry("1", 0, [FRAME]).size


def tape_on(queue: TapeQueue) -> ConnectionTape:
    return ConnectionTape("1", URL, queue, clock=lambda: 5)


def test_queue_counts_entries_until_they_are_written() -> None:
    queue = TapeQueue(max_bytes=2 * ENTRY_BYTES)
    tape = tape_on(queue)
    tape.on_received(1, [FRAME])
    tape.on_received(2, [FRAME])
    assert queue.unwritten == 2 * ENTRY_BYTES
    assert not queue.has_room(1)
    entries = queue.take_all(0.0)
    assert [entry.time_ns for entry in entries] == [1, 2]
    assert not queue.has_room(1), "the thread still has them in memory"
    queue.on_written(entries[0])
    assert queue.has_room(ENTRY_BYTES)
    assert not queue.has_room(ENTRY_BYTES + 1)


def test_frames_without_room_are_counted_and_noted_before_the_next_frame() -> None:
    queue = TapeQueue(max_bytes=ENTRY_BYTES + 200)
    tape = tape_on(queue)
    tape.on_received(1, [FRAME])
    tape.on_received(2, [FRAME, FRAME])
    tape.on_sent(FRAME)
    assert tape.dropped_frames == 3
    for entry in queue.take_all(0.0):
        queue.on_written(entry)
    tape.on_received(4, [b"{}"])
    tape.on_received(6, [b"[]"])
    told = queue.take_all(0.0)
    assert [(entry.time_ns, entry.line) for entry in told] == [
        (4, dropped_line(4, 3, 3 * len(FRAME))),
        (4, b""),
        (6, b""),
    ]
    assert tape.dropped_frames == 3


def test_end_of_a_connection_is_noted_without_room_and_tells_the_drops() -> None:
    queue = TapeQueue(max_bytes=ENTRY_BYTES)
    tape = tape_on(queue)
    tape.on_received(1, [FRAME])
    tape.on_received(2, [FRAME])
    tape.on_closed("silent")
    lines = [entry.line for entry in queue.take_all(0.0)]
    assert lines == [b"", dropped_line(5, 1, len(FRAME)), b'5 !closed {"reason":"silent"}\n']


def test_closed_queue_takes_nothing_and_gives_what_waits() -> None:
    queue = TapeQueue()
    tape = tape_on(queue)
    tape.on_received(1, [FRAME])
    queue.close()
    tape.on_received(2, [FRAME])
    assert [entry.time_ns for entry in queue.take_all(60.0)] == [1]
    assert tape.dropped_frames == 0


def test_thread_is_woken_before_its_round_if_many_bytes_wait() -> None:
    queue = TapeQueue(max_bytes=100 * ENTRY_BYTES, wake_bytes=2 * ENTRY_BYTES)
    tape = tape_on(queue)
    tape.on_received(1, [FRAME])
    tape.on_received(2, [FRAME])
    # Without the wake this would take a minute, and the test would be ended.
    assert len(queue.take_all(60.0)) == 2


def test_discarded_queue_is_empty() -> None:
    queue = TapeQueue()
    tape_on(queue).on_received(1, [FRAME])
    queue.discard()
    assert (queue.take_all(0.0), queue.unwritten, queue.is_closed) == ([], 0, True)
