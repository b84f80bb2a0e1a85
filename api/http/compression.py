"""Compress the bodies of answers with zstd or gzip, if the client accepts it.

Streams of events are never compressed: a compressor would hold events back, or compress each one
badly. Nor are answers that no cache may store: they are short, and may have a ticket in them, whose
length a compressor could reveal.
"""

from __future__ import annotations

import asyncio
import re
import sys
import zlib
from enum import Enum
from functools import lru_cache
from typing import Protocol

from starlette.types import Message, Scope, Send

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

# Smaller bodies fit into a packet or two.
MIN_BYTES = 2048
# gzip takes 0.4 ms of CPU for this much JSON, zstd 0.15 ms. A larger body is compressed in a
# thread.
MAX_INLINE_BYTES = 64 * 1024
# While this many threads compress, other large bodies are sent as they are.
MAX_THREADS = 2
MAX_ACCEPT_BYTES = 512
# The fastest levels. Of the 352 kB of /books with 1,500 symbols, zstd makes 47 kB in 0.5 ms, gzip
# 59 kB in 1.9 ms; gzip's default level makes 50 kB in 4.6 ms.
_LEVEL = 1

_QUALITY = re.compile(r"\s*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*", re.ASCII | re.IGNORECASE)
_COMPRESSIBLE = re.compile(
    rb"(?:application/(?:problem\+|x-nd)?json|application/javascript|application/openmetrics-text"
    rb"|image/svg\+xml|text/(?!event-stream)[a-z.+-]+)\s*(?:;.*)?",
    re.IGNORECASE,
)


class Coding(Enum):
    """A content coding; the first is preferred if the client has no preference."""

    ZSTD = "zstd"
    GZIP = "gzip"


class Compressor(Protocol):
    """Compresses the parts of one body."""

    def compress(self, data: bytes, /) -> bytes:
        """Return the next compressed bytes, maybe none."""

    def flush(self) -> bytes:
        """Return the last compressed bytes."""


class Compression:
    """The compression of all answers of a process.

    Args:
        min_bytes: The least size of a body that is compressed.
        max_inline_bytes: A larger body is compressed in a thread.
        max_threads: The number of bodies that are compressed in threads at once.
    """

    def __init__(
        self,
        min_bytes: int = MIN_BYTES,
        max_inline_bytes: int = MAX_INLINE_BYTES,
        max_threads: int = MAX_THREADS,
    ) -> None:
        self.min_bytes = min_bytes
        self._max_inline_bytes = max_inline_bytes
        self._max_threads = max_threads
        self._threads = 0

    def coding_for(self, scope: Scope) -> Coding | None:
        """Return the coding that the client of a request prefers; None to send plain bodies."""
        for name, value in scope["headers"]:
            if name == b"accept-encoding":
                return preferred_coding(value[:MAX_ACCEPT_BYTES])
        return None

    def compressor(self, coding: Coding) -> Compressor:
        """Return a compressor for one body."""
        if coding is Coding.ZSTD:
            return zstd.ZstdCompressor(_LEVEL)
        return zlib.compressobj(_LEVEL, wbits=zlib.MAX_WBITS | 16)

    async def compress(self, coding: Coding, body: bytes) -> bytes | None:
        """Return a whole body compressed; None if too many large ones are being compressed."""
        if len(body) <= self._max_inline_bytes:
            return _compress(self.compressor(coding), body)
        if self._threads >= self._max_threads:
            return None
        self._threads += 1
        working = asyncio.get_running_loop().run_in_executor(
            None, _compress, self.compressor(coding), body
        )
        # Not when this task ends: a thread continues although its task is cancelled.
        working.add_done_callback(self._end_thread)
        return await asyncio.shield(working)

    def _end_thread(self, _working: object) -> None:
        self._threads -= 1


class CompressedAnswer:
    """One answer, which is compressed if its type and size are worth it.

    Args:
        compression: The compression of the process.
        coding: The coding that the client prefers.
        send: Sends the messages of the answer.
        is_head: Whether the answer has no body, because it answers HEAD.
    """

    def __init__(
        self, compression: Compression, coding: Coding, send: Send, *, is_head: bool
    ) -> None:
        self._compression = compression
        self._coding = coding
        self._send = send
        self._is_head = is_head
        # The start waits until the first part of the body shows whether it is compressed.
        self._start: Message | None = None
        self._compressor: Compressor | None = None

    async def send(self, message: Message) -> None:
        """Send a message, maybe later and compressed."""
        if message["type"] == "http.response.start":
            if _is_compressible(message):
                self._start = message
                return
        elif self._start is not None:
            start, self._start = self._start, None
            message = await self._begin(start, message)
        elif self._compressor is not None:
            message = self._next_part(self._compressor, message)
        await self._send(message)

    async def _begin(self, start: Message, message: Message) -> Message:
        """Send the start; return the message with the first part of the body."""
        body: bytes = message.get("body", b"")
        if message.get("more_body", False):
            self._compressor = self._compression.compressor(self._coding)
            await self._send(_compressed_start(start, self._coding, None))
            return self._next_part(self._compressor, message)
        if self._is_head and not body and _content_length(start) >= self._compression.min_bytes:
            # The length of a body that is never made is unknown.
            await self._send(_compressed_start(start, self._coding, None))
            return message
        compressed = None
        if len(body) >= self._compression.min_bytes:
            compressed = await self._compression.compress(self._coding, body)
        if compressed is None:
            await self._send(start)
            return message
        await self._send(_compressed_start(start, self._coding, len(compressed)))
        return {**message, "body": compressed}

    def _next_part(self, compressor: Compressor, message: Message) -> Message:
        compressed = compressor.compress(message.get("body", b""))
        if not message.get("more_body", False):
            compressed += compressor.flush()
        return {**message, "body": compressed}


@lru_cache(maxsize=256)
def preferred_coding(accept: bytes) -> Coding | None:
    """Return the coding that an Accept-Encoding header prefers, None for no coding.

    A part that is not valid is ignored.
    """
    qualities: dict[str, float] = {}
    for part in accept.decode("latin-1").lower().split(","):
        name, semicolon, parameter = part.partition(";")
        quality = _QUALITY.fullmatch(parameter)
        if not semicolon or quality:
            qualities[name.strip()] = float(quality[1]) if quality else 1.0
    # Not zstd for `*`, because an old client may send it without thinking of zstd.
    offered = {
        Coding.ZSTD: qualities.get("zstd", 0.0),
        Coding.GZIP: qualities.get("gzip", qualities.get("*", 0.0)),
    }
    best = max(offered, key=lambda coding: offered[coding])
    # A plain body is acceptable unless the header excludes it, and needs no preference.
    plain = qualities.get("identity", qualities.get("*", 0.0))
    return best if offered[best] > 0 and offered[best] >= plain else None


def _compress(compressor: Compressor, body: bytes) -> bytes:
    return compressor.compress(body) + compressor.flush()


def _is_compressible(start: Message) -> bool:
    headers = dict(start.get("headers", ()))
    return (
        # Not a part of a file, whose positions count bytes that are not compressed.
        start["status"] != 206
        and b"content-encoding" not in headers
        and b"no-store" not in headers.get(b"cache-control", b"")
        and _COMPRESSIBLE.fullmatch(headers.get(b"content-type", b"")) is not None
    )


def _content_length(start: Message) -> int:
    return int(dict(start.get("headers", ())).get(b"content-length", b"0"))


def _compressed_start(start: Message, coding: Coding, length: int | None) -> Message:
    """Return the start of an answer whose body is compressed to `length`, None if unknown."""
    headers = [
        # Compressed bytes are equal in meaning only, which is what a weak tag says.
        (name, b"W/" + value if name == b"etag" and not value.startswith(b"W/") else value)
        for name, value in start["headers"]
        if name not in (b"content-length", b"accept-ranges")
    ]
    headers.append((b"content-encoding", coding.value.encode()))
    if length is not None:
        headers.append((b"content-length", str(length).encode()))
    return {**start, "headers": headers}
