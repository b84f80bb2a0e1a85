"""The write script's rules of docs/contract.md in plain Python, to check random calls."""

from __future__ import annotations

from typing import NamedTuple

from kraken_book.contract.write import EventEntry, WriteRefusal

Place = tuple[int, int]


class ModelHash(NamedTuple):
    stream: Place
    book: Place | None


class ScriptModel:
    """The expected stream and hash of one symbol."""

    def __init__(self) -> None:
        self.stream: list[tuple[int, int, str]] = []
        self.hash: ModelHash | None = None
        # Whether another program has damaged the position in the hash.
        self.is_place_spoiled = False
        # Whether another program has added an entry of the far future.
        self.is_stream_spoiled = False

    @property
    def place(self) -> Place:
        if self.hash is not None and not self.is_place_spoiled:
            return self.hash.stream
        return self.stream[-1][:2] if self.stream else (0, 0)

    def write(self, epoch: int, entries: list[EventEntry], *, is_book: bool) -> WriteRefusal | None:
        """Apply a call with at least one entry, and return its refusal or None."""
        stream_epoch, stream_seq = self.place
        if epoch < stream_epoch:
            return WriteRefusal("FENCED", stream_epoch, stream_seq)
        new = list(entries)
        if epoch == stream_epoch:
            new = [entry for entry in entries if entry.seq > stream_seq]
            if not new:
                return None
        last, opening = stream_seq, epoch > stream_epoch
        for entry in new:
            follows = entry.seq == last + 1 or entry.kind == "snapshot"
            opens = opening and entry.kind != "update"
            if entry.seq <= last or not (opens if opening else follows):
                return WriteRefusal("GAP", stream_epoch, stream_seq)
            last, opening = entry.seq, False
        if self.is_stream_spoiled:
            self.stream.clear()
        self.is_place_spoiled = self.is_stream_spoiled = False
        self.stream += [(epoch, entry.seq, entry.kind) for entry in new]
        book = self.hash.book if self.hash else None
        self.hash = ModelHash((epoch, last), (epoch, last) if is_book else book)
        return None

    def touch(self, epoch: int, seq: int) -> WriteRefusal | None:
        """Return the refusal of a touch, or None."""
        stream_epoch, stream_seq = self.place
        if epoch < stream_epoch:
            return WriteRefusal("FENCED", stream_epoch, stream_seq)
        if (
            self.hash is None
            or self.is_place_spoiled
            or epoch != stream_epoch
            or self.hash.book != (epoch, seq)
        ):
            return WriteRefusal("GAP", stream_epoch, stream_seq)
        return None

    def forget(self) -> None:
        """Model a restart of Redis without its data."""
        self.lose_hash()
        self.lose_stream()

    def lose_hash(self) -> None:
        self.hash, self.is_place_spoiled = None, False

    def lose_stream(self) -> None:
        self.stream, self.is_stream_spoiled = [], False
