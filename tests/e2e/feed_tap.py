"""A relay between a collector and a simulator that keeps all messages of the simulator."""

from __future__ import annotations

import asyncio
import threading
from typing import Self

_LENGTH_BYTES = {126: 2, 127: 8}


class FeedTap:
    """Relays TCP connections to `port` of this machine, in a thread.

    Attributes:
        url: The address for the collector.
    """

    def __init__(self, port: int) -> None:
        self.url = ""
        self._target = port
        self._relayed: list[bytearray] = []
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=lambda: self._loop.run_until_complete(self._run()))

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._loop.close()

    def messages(self) -> list[list[bytes]]:
        """Return the text messages that were relayed, by connection."""
        return [text_messages(bytes(each)) for each in self._relayed]

    async def _run(self) -> None:
        server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        self.url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/v2"
        self._ready.set()
        async with server:
            await self._stop.wait()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, requests = await asyncio.open_connection("127.0.0.1", self._target)
        kept = bytearray()
        self._relayed.append(kept)
        await asyncio.gather(_pump(reader, requests, None), _pump(answers, writer, kept))


async def _pump(
    source: asyncio.StreamReader, target: asyncio.StreamWriter, kept: bytearray | None
) -> None:
    try:
        while data := await source.read(65536):
            if kept is not None:
                kept += data
            target.write(data)
            await target.drain()
    except OSError:
        pass
    finally:
        target.close()


def text_messages(data: bytes) -> list[bytes]:
    """Return the whole text messages behind the answer to a handshake, by RFC 6455."""
    at = data.find(b"\r\n\r\n") + 4
    found = []
    while at + 2 <= len(data):
        length, start = data[at + 1], at + 2
        if size := _LENGTH_BYTES.get(length):
            length, start = int.from_bytes(data[start : start + size]), start + size
        if start + length > len(data):
            break
        if data[at] == 0x81:
            found.append(data[start : start + length])
        at = start + length
    return found
