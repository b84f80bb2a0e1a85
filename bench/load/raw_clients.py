"""A feed of frames and readers of streams for the suite `private_parts`, each in its own process.

python -m bench.load.raw_clients feed FILENO
python -m bench.load.raw_clients read PORT
"""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from typing import Literal

import uvloop
from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as serve_websocket
from websockets.frames import Frame, Opcode

from lab.process import ROOT
from runtime.http.server import allow_open_files

FRAME = Frame(Opcode.TEXT, b"x" * 205).serialize(mask=False)
FRAMES = 40_000
READERS = 100


async def feed(listener: socket.socket) -> None:
    """Send FRAMES frames to each client, as fast as TCP takes them."""

    async def flood(websocket: ServerConnection) -> None:
        block = FRAME * 100
        for _ in range(FRAMES // 100):
            websocket.transport.write(block)
            if websocket.transport.get_write_buffer_size() > 2**20:
                await asyncio.sleep(0.001)
        await websocket.wait_closed()

    async with serve_websocket(flood, sock=listener, compression=None) as server:
        await server.serve_forever()


async def read_streams(port: int) -> None:
    """Hold READERS streams, and take all that comes."""

    async def read() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        while await reader.read(2**16):
            pass

    async with asyncio.TaskGroup() as readers:
        for _ in range(READERS):
            readers.create_task(read())


def start_client(
    what: Literal["feed", "read"], number: int, *pass_fds: int
) -> subprocess.Popen[bytes]:
    """Start one of the two; `number` is a listener's file descriptor or a port."""
    command = [sys.executable, "-m", "bench.load.raw_clients", what, str(number)]
    return subprocess.Popen(command, cwd=ROOT, pass_fds=pass_fds)


if __name__ == "__main__":
    allow_open_files()
    if sys.argv[1] == "feed":
        uvloop.run(feed(socket.socket(fileno=int(sys.argv[2]))))
    else:
        uvloop.run(read_streams(int(sys.argv[2])))
