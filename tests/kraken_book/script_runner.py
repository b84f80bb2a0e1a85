"""Runs calls of the write script on a real Redis, and reads the keys that they write."""

from __future__ import annotations

from typing import Any, cast

from redis import Redis
from redis.exceptions import ResponseError

from kraken_book.contract.keys import book_key, events_key
from kraken_book.contract.script import WRITE
from kraken_book.contract.write import (
    WriteCall,
    WriteRefusal,
    Written,
    parse_refusal,
    parse_reply,
)

LATER = "2026-08-02T03:35:59.000000Z"

StreamEntries = list[tuple[bytes, dict[bytes, bytes]]]


class ScriptRunner:
    """The hash and the stream of one symbol."""

    def __init__(self, client: Redis, symbol: str = "BTC/USD") -> None:
        self.client = client
        self._hash, self._stream = book_key(symbol), events_key(symbol)

    def attempt(self, call: WriteCall) -> Written | WriteRefusal:
        """Return the reply to a call, or its refusal."""
        try:
            reply = cast("list[int]", self.client.eval(WRITE.text, *cast("Any", call.arguments)))
        except ResponseError as error:
            refused = parse_refusal(str(error))
            if refused is None:
                raise
            return refused
        return parse_reply(reply)

    def run(self, call: WriteCall) -> Written:
        """Return the reply to a call that must succeed."""
        outcome = self.attempt(call)
        assert isinstance(outcome, Written), outcome
        return outcome

    def refusal(self, call: WriteCall) -> tuple[str, int, int]:
        """Return the word, epoch and seq of a refusal."""
        outcome = self.attempt(call)
        assert isinstance(outcome, WriteRefusal), outcome
        return outcome.word, outcome.epoch, outcome.seq

    def unchanged_refusal(self, call: WriteCall) -> tuple[str, int, int]:
        """Return the refusal of a call that must not change any key."""
        before = self.dump()
        refusal = self.refusal(call)
        assert self.dump() == before
        return refusal

    def unchanged_acceptance(self, call: WriteCall) -> int:
        """Return the seq in the reply to a call that must succeed and not change any key."""
        before = self.dump()
        written = self.run(call)
        assert self.dump() == before
        return written.seq

    def entries(self) -> StreamEntries:
        """Return the stream's events, without foreign entries."""
        entries = cast("StreamEntries", self.client.xrange(self._stream))
        return [(event_id, fields) for event_id, fields in entries if b"kind" in fields]

    def positions(self) -> list[tuple[int, int, str]]:
        """Return (epoch, seq, kind) of each entry of the stream."""
        return [
            (int(fields[b"epoch"]), int(fields[b"seq"]), fields[b"kind"].decode())
            for _, fields in self.entries()
        ]

    def hash(self) -> dict[str, str]:
        reply = cast("dict[bytes, bytes]", self.client.hgetall(self._hash))
        return {name.decode(): value.decode() for name, value in reply.items()}

    def stream_position(self) -> tuple[int, int]:
        fields = self.hash()
        return int(fields["stream_epoch"]), int(fields["stream_seq"])

    def book_position(self) -> tuple[int, int]:
        fields = self.hash()
        assert fields["event_id"].endswith(f"-{fields['seq']}")
        return int(fields["epoch"]), int(fields["seq"])

    def dump(self) -> tuple[StreamEntries, dict[str, str]]:
        """Return the contents of both keys."""
        return self.entries(), self.hash()

    def delete_hash(self) -> None:
        self.client.delete(self._hash)

    def delete_stream(self) -> None:
        self.client.delete(self._stream)

    def put_entry(self, event_id: str, fields: dict[str, str]) -> None:
        """Append an entry without the script."""
        self.client.xadd(self._stream, cast("Any", fields), id=event_id)

    def put_fields(self, **fields: str) -> None:
        """Set fields of the hash without the script."""
        self.client.hset(self._hash, mapping=cast("dict[Any, Any]", fields))

    def put_position(self, epoch: int, seq: int, event_id: str) -> None:
        """Set the position in the hash without the script."""
        fields: dict[Any, Any] = {"stream_epoch": epoch, "stream_seq": seq, "stream_id": event_id}
        self.client.hset(self._hash, mapping=fields)

    def microseconds(self) -> int:
        """Return the time of Redis in microseconds."""
        seconds, microseconds = self.client.time()
        return seconds * 1_000_000 + microseconds
