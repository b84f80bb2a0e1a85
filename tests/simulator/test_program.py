"""The simulator as a process: its first lines, the faults of its command line, and its end."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect

from lab.process import ROOT
from tests.simulator.helpers import DEADLINE, NaiveBook, is_book, parse, read_until, subscribe
from tests.simulator.stage import fails, subscribed

pytestmark = pytest.mark.process


async def start(*arguments: str) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "simulator", *arguments),
        cwd=ROOT,
        stdout=PIPE,
        stderr=PIPE,
        env={**os.environ, "LOG_FORMAT": "json"},
    )


async def read_line(process: Process, prefix: str) -> str:
    """Return the next line of output without its prefix, which it must have."""
    assert process.stdout is not None
    async with asyncio.timeout(DEADLINE):
        line = (await process.stdout.readline()).decode().strip()
    assert line.startswith(prefix)
    return line.removeprefix(prefix)


@asynccontextmanager
async def running(*arguments: str) -> AsyncIterator[Process]:
    """Run a simulator on a free port until the context ends; it must exit with 0."""
    process = await start("--port", "0", *arguments)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            async with asyncio.timeout(DEADLINE):
                await process.communicate()
        assert process.returncode == 0


async def error_of(*arguments: str) -> str:
    """Return the only line of a simulator that must exit with 2."""
    process = await start(*arguments)
    async with asyncio.timeout(DEADLINE):
        _, errors = await process.communicate()
    assert process.returncode == 2
    (line,) = errors.decode().splitlines()
    assert line.startswith("simulator: ")
    return line


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_process_serves_a_client_and_ends_at_a_signal(
    number: signal.Signals,
) -> None:
    arguments = ("--symbols", "ETH/USD,FOO/BAR", "--rate", "500", "--updates", "50")
    async with (
        running(*arguments) as process,
        connect(await read_line(process, "listening on ")) as client,
    ):
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


async def test_process_prints_control_port_first_and_applies_faults_at_start() -> None:
    faults = ("--fault", "corrupt?symbol=BTC/USD", "--fault", "early?symbol=BTC/USD")
    async with running("--rate", "200", "--control", "0", *faults) as process:
        control = await read_line(process, "control on ")
        url = await read_line(process, "listening on ")
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", control)
        assert re.fullmatch(r"ws://127\.0\.0\.1:\d+/v2", url)
        async with connect(url) as client, httpx.AsyncClient(trust_env=False, verify=False) as http:
            await subscribe(client, "BTC/USD")
            texts = await read_until(client, lambda frame: is_book(frame, "snapshot"))
            assert sum('"channel":"book","type":"update"' in text for text in texts) == 1
            book = NaiveBook(10)
            book.apply(texts[-1])
            assert fails(book, (await read_until(client, is_book))[-1])
            assert not fails(book, (await read_until(client, is_book))[-1])
            assert (await http.post(f"{control}/faults/close")).status_code == 200
            await client.wait_closed()
            assert client.close_code == 1001
            assert (await http.get(f"{control}/connections")).json()["accepted"] == 1
        async with connect(url) as client:
            await subscribed(client)


@pytest.mark.parametrize(
    ("venue", "symbol", "path"),
    [("coinbase", "BTC-USD", ""), ("binance", "BTCUSDT", "/ws"), ("bitfinex", "tBTCUSD", "/ws/2")],
)
async def test_process_serves_each_venue_and_its_rest(venue: str, symbol: str, path: str) -> None:
    arguments = ("--venue", venue, "--symbols", symbol, "--control", "0")
    async with running(*arguments) as process:
        control = await read_line(process, "control on ")
        rest = await read_line(process, "rest on http://")
        assert await read_line(process, "listening on ") == f"ws://{rest}{path}"
        async with httpx.AsyncClient(trust_env=False, verify=False) as http:
            assert (await http.get(f"http://{rest}/healthz")).status_code == 200
            book = await http.get(f"{control}/book", params={"symbol": symbol})
            assert book.status_code == 200


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--venue", "binance", "--replay", "none.tape"], "none.tape"),
        (
            ["--port", "0", "--venue", "coinbase", "--fault", "corrupt?symbol=BTC-USD"],
            "--fault: coinbase has no fault 'corrupt'",
        ),
        (["--symbols", "BTC-USD;ETH"], "'BTC-USD;ETH' is not a symbol: use BASE/QUOTE"),
        (["--replay", "none.jsonl"], "none.jsonl"),
        (["--host", "256.1.1.1", "--port", "0"], "cannot listen on 256.1.1.1"),
        (
            ["--port", "0", "--symbols", "ETH/USD", "--fault", "corrupt?symbol=BTC/USD"],
            "--fault: symbol=BTC/USD: it is not listed",
        ),
    ],
)
async def test_process_with_bad_option_exits_with_2(arguments: list[str], message: str) -> None:
    assert message in await error_of(*arguments)


async def test_process_names_port_in_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        error = await error_of("--port", str(port))
        assert f"port {port}" in error
        assert "choose another" in error


async def test_process_names_control_port_in_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        error = await error_of("--port", "0", "--control", str(port))
        assert f"--control={port}: cannot listen on" in error


async def test_process_names_bad_line_of_recording(tmp_path: Path) -> None:
    file = tmp_path / "broken.jsonl"
    file.write_text('{"channel":"heartbeat"}\n{"channel"\n')
    assert f"{file}, line 2" in await error_of("--replay", str(file))


async def test_process_names_symbol_that_recording_lacks(tmp_path: Path) -> None:
    file = tmp_path / "other.jsonl"
    file.write_text('{"channel":"book","type":"snapshot","data":[{"symbol":"A/B","checksum":0}]}\n')
    assert "BTC/USD is not in" in await error_of("--replay", str(file), "--symbols", "BTC/USD")
