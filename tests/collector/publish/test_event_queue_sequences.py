"""A queue under random sequences of events, checked by the rules of the write script."""

from __future__ import annotations

import json
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from kraken_book.contract.write import EventEntry
from tests.collector.publish.boxes import Box, ParsedCall
from tests.kraken_book.script_model import ScriptModel

STEPS = st.lists(
    st.sampled_from(
        ["update"] * 6 + ["write"] * 4 + ["snapshot", "lose", "lead", "follow", "another", "flush"]
    ),
    max_size=40,
)


class ModelledWriter:
    """A box with calls that `ScriptModel` accepts or refuses."""

    def __init__(self, max_events: int) -> None:
        self.max_events = max_events
        self.box = Box(max_events=max_events)
        self.model = ScriptModel()
        self.epoch = 1
        self.leads = False
        self.written: list[tuple[int, EventEntry]] = []
        self.numbers: list[int] = []

    def lead(self) -> None:
        self.epoch = max(self.epoch, self.model.place[0]) + 1
        self.box.writer.lead(self.epoch)
        self.leads = True

    def follow(self) -> None:
        self.box.writer.resign()
        self.leads = False

    def another(self) -> None:
        """Write a snapshot under a newer epoch, as another collector."""
        epoch, seq = self.model.place
        entry = EventEntry("snapshot", seq + 1, b'{"conflated":null}')
        assert self.model.write(max(epoch, self.epoch) + 1, [entry], is_book=True) is None
        self.epoch = max(epoch, self.epoch) + 1
        self.written.append((self.epoch, entry))

    def flush(self) -> None:
        self.model.forget()
        self.written.clear()

    def write(self) -> None:
        # End the delay after repeated refusals.
        self.box.clock.now += 5.0
        call = self.box.next_call()
        if call is None:
            return
        taken = ParsedCall(call)
        assert taken.entries
        self.numbers += taken.seqs
        refused = self.model.write(taken.epoch, taken.entries, is_book=taken.mode == "book")
        if refused is None:
            self.box.writer.done(call)
            self.written += [(taken.epoch, entry) for entry in taken.entries]
        elif refused.word == "FENCED":
            self.follow()
        else:
            self.box.writer.refused(refused)

    def step(self, name: str) -> None:
        box = self.box
        if name == "update" and box.book.is_live:
            before = box.queue.waiting
            box.update()
            assert not self.leads or box.queue.waiting >= min(before, 1)
        elif name == "snapshot":
            box.snapshot()
        elif name == "lose" and box.book.is_live:
            box.book.lose("closed")
        elif name in ("lead", "follow", "another", "flush", "write"):
            getattr(self, name)()

    def check(self) -> None:
        assert self.numbers == sorted(set(self.numbers)), "a seq was used twice, or fell"
        assert self.box.queue.waiting <= self.max_events + 3
        for (epoch, before), (next_epoch, entry) in pairwise(self.written):
            if epoch != next_epoch:
                continue
            jumped = entry.seq - before.seq - 1
            if entry.kind != "snapshot":
                assert not jumped
                continue
            conflated = json.loads(entry.data)["conflated"]
            assert conflated in (None, jumped), "the snapshot has a wrong count"


@given(STEPS, st.integers(2, 6))
@settings(deadline=None, max_examples=300)
def test_seqs_rise_and_every_update_is_written_or_conflated(steps: list[str], most: int) -> None:
    writer = ModelledWriter(most)
    writer.box.snapshot()
    writer.lead()
    for step in steps:
        writer.step(step)
        writer.check()


@given(st.lists(st.sampled_from(["update"] * 5 + ["write"]), max_size=60), st.integers(2, 6))
@settings(deadline=None, max_examples=200)
def test_written_and_conflated_events_add_up_without_faults(steps: list[str], most: int) -> None:
    writer = ModelledWriter(most)
    writer.box.snapshot()
    writer.lead()
    writer.write()
    for step in [*steps, "write"]:
        writer.step(step)
    written = [entry for _, entry in writer.written[2:]]
    given_numbers = written[-1].seq - 2 if written else 0
    conflated = sum(json.loads(e.data)["conflated"] for e in written if e.kind == "snapshot")
    assert given_numbers == len(written) + conflated
    conflations = given_numbers - writer.box.updates
    assert conflations >= 0
    assert (conflations > 0) == any(entry.kind == "snapshot" for entry in written)
    books = [json.loads(entry.data) for entry in written if entry.kind != "status"]
    assert not books or books[-1]["checksum"] == writer.box.naive.checksum
