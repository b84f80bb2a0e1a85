"""`python -m simulator` as a process: its command line, its first lines, its end."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from simulator.options import read_options
from tests.simulator.helpers import DEADLINE, NaiveBook, is_book, parse, read_until, subscribe

pytestmark = pytest.mark.process

ROOT = Path(__file__).parents[2]


async def start(*arguments: str) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "simulator", *arguments),
        cwd=ROOT,
        stdout=PIPE,
        stderr=PIPE,
        env={**os.environ, "LOG_FORMAT": "json"},
    )


@asynccontextmanager
async def running(*arguments: str) -> AsyncIterator[tuple[Process, str]]:
    """A simulator on a free port, and its URL."""
    process = await start("--port", "0", *arguments)
    assert process.stdout is not None
    try:
        async with asyncio.timeout(DEADLINE):
            plain = (await process.stdout.readline()).decode().strip()
        assert plain.startswith("listening on ws://127.0.0.1:")
        yield process, plain.removeprefix("listening on ")
    finally:
        if process.returncode is None:
            process.terminate()
            async with asyncio.timeout(DEADLINE):
                await process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_process_serves_a_client_and_ends_at_a_signal(
    number: signal.Signals,
) -> None:
    arguments = ("--symbols", "ETH/USD,FOO/BAR", "--rate", "500", "--updates", "50")
    async with running(*arguments) as (process, url), connect(url) as client:
        await subscribe(client, "ETH/USD", "FOO/BAR", depth=1000)
        books = {"ETH/USD": NaiveBook(1000), "FOO/BAR": NaiveBook(1000)}
        updates = 0
        while updates < 50:
            for text in await read_until(client, is_book):
                frame = parse(text)
                if frame.get("channel") == "book":
                    books[frame["data"][0]["symbol"]].apply(text)
                    updates += frame["type"] == "update"
        process.send_signal(number)
        async with asyncio.timeout(DEADLINE):
            await client.wait_closed()
            assert await process.wait() == 0
        assert client.close_code == 1001


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--symbols", "BTC-USD;ETH"], "--symbols: 'BTC-USD;ETH' is no symbol: use BASE/QUOTE"),
        (["--symbols", "XBT/USD"], "use BTC/USD"),
        (["--symbols", ","], "no symbol given"),
        (["--rate", "-1"], "--rate: '-1' is no rate: use updates a second, 0 or more"),
        (["--rate", "nan"], "'nan' is no rate"),
        (["--port", "99999"], "'99999' is no port: use 1 to 65535"),
        (["--updates", "many"], "'many' is no count"),
        (["--seed", "x"], "'x' is no seed"),
        (["--speed", "fast", "--replay", "x"], "'fast' is no speed: use a factor"),
        (["--loop"], "--replay FILE"),
        (["--log-level", "loud"], "'loud' is not a level: use one of debug"),
        (["--ports", "1"], "unrecognized arguments: --ports"),
    ],
)
def test_bad_option_is_refused_in_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        read_options(arguments)
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("simulator: ")
    assert message in line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--symbols", "BTC-USD;ETH"], "'BTC-USD;ETH' is no symbol: use BASE/QUOTE"),
        (["--replay", "none.jsonl"], "none.jsonl"),
        (["--host", "256.1.1.1", "--port", "0"], "cannot listen on 256.1.1.1"),
    ],
)
async def test_process_with_a_bad_option_exits_with_2(arguments: list[str], message: str) -> None:
    process = await start(*arguments)
    async with asyncio.timeout(DEADLINE):
        _, complaint = await process.communicate()
    assert process.returncode == 2
    (line,) = complaint.decode().splitlines()
    assert line.startswith("simulator: ")
    assert message in line


async def test_port_in_use_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = await start("--port", str(port))
        async with asyncio.timeout(DEADLINE):
            _, complaint = await process.communicate()
    assert process.returncode == 2
    (line,) = complaint.decode().splitlines()
    assert f"port {port}" in line
    assert "choose another" in line


async def test_broken_recording_and_missing_symbol_are_named(tmp_path: Path) -> None:
    file = tmp_path / "broken.jsonl"
    file.write_text('{"channel":"heartbeat"}\n{"channel"\n')
    process = await start("--replay", str(file))
    async with asyncio.timeout(DEADLINE):
        _, complaint = await process.communicate()
    assert process.returncode == 2
    (line,) = complaint.decode().splitlines()
    assert f"{file}, line 2" in line

    file.write_text('{"channel":"book","type":"snapshot","data":[{"symbol":"A/B","checksum":0}]}\n')
    process = await start("--replay", str(file), "--symbols", "BTC/USD")
    async with asyncio.timeout(DEADLINE):
        _, complaint = await process.communicate()
    assert process.returncode == 2
    assert "BTC/USD is not in" in complaint.decode()
