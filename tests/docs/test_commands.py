"""Every command of the documentation runs, against a real stack, and prints what its page shows.

A block of type `sh` runs in bash, a block of type `python` in this process. Blocks that cannot run
have a comment with the reason before them: `<!-- not run: needs Docker -->`.
"""

from __future__ import annotations

import ast
import inspect
import json
import os
import pty
import re
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest

from kraken_book import FrozenBook, Watch
from lab.fork_server import ForkServer
from lab.node import find_node
from lab.process import ROOT
from lab.recordings import DATA
from lab.stage import Stage
from lab.stored_books import StoredBooks
from tests.docs.markdown import PAGES, Block, blocks, name_of
from tests.kraken_book.recording.made import events_of, write_file

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

BLOCKS = [block for page in PAGES for block in blocks(page)]
SHELL = [block for block in BLOCKS if block.language == "sh" and block.reason is None]
PYTHON = [block for block in BLOCKS if block.language == "python"]
JAVASCRIPT = [block for block in BLOCKS if block.language == "js"]
JAVA = [block for block in BLOCKS if block.language == "java"]
# `html` is run in a browser by tests/e2e/page/test_page_key.py.
OTHER_LANGUAGES = {"text", "json", "html", "nginx", "caddyfile", "ini", "yaml"}
PROGRAMS = ("curl", "jq", "redis-cli")
DEADLINE = 30
MAX_PRINTS = 3

# Parts of an output that differ between two runs.
OWNER = re.compile(r"\S+:\d+:[0-9a-f]{8}")
NUMBER = re.compile(r"\d+")

SHIMS = {
    # The Redis of the stack listens on a socket.
    "redis-cli": 'exec {real} -s {socket} "$@"',
    # A stream ends after its first event. Other answers must not be errors if none is shown.
    "curl": """
if [[ " $* " == *" -N "* ]]; then
    events=$(timeout 20 {real} -sS "$@" | sed -u '/^data:/q')
    printf '%s\\n' "$events"
    grep -q '^data:' <<<"$events"
else
    exec {real} --max-time 20 $CURL_OPTIONS "$@"
fi""",
    # jq 1.6 has no other way to be plain on a terminal.
    "jq": 'exec {real} -M "$@"',
    # The command of the package, which follows books until its reader leaves.
    "kraken-book": """
lines=$(timeout 20 {python} -m kraken_book "$@" | head -n 2)
printf '%s\\n' "$lines"
[[ -n $lines ]]""",
    "python": 'exec {python} "$@"',
}


class Stack(NamedTuple):
    """The running services, and a folder of programs that reach them."""

    addresses: dict[str, str]
    programs: Path

    def localize(self, code: str) -> str:
        """Return `code` with the addresses of this stack."""
        for written, real in self.addresses.items():
            code = code.replace(written, real)
        return code


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, fork_server: ForkServer) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("stack")
    with Stage(folder, fork_server) as stage:
        redis = stage.redis()
        simulator = stage.simulator("--rate", "100")
        collector = stage.collector(redis.url, simulator.url)
        api = stage.api(redis.url)
        # Faults of docs/simulator.md must not disturb the books of the other pages.
        faulty = stage.simulator("--symbols", "BTC/USD", "--control", "0")
        assert faulty.control is not None
        books = StoredBooks(redis.url)
        for symbol in ("BTC/USD", "ETH/USD", "SOL/USD"):
            books.wait_for_seq(symbol, 20)
        books.close()
        addresses = {
            "http://localhost:3000": api.url,
            "http://127.0.0.1:9820": collector.url,
            "http://127.0.0.1:9444": str(faulty.control.base_url).rstrip("/"),
        }
        socket = redis.url.removeprefix("unix://").partition("?")[0]
        yield Stack(addresses, make_programs(folder / "bin", socket))


def make_programs(folder: Path, socket: str) -> Path:
    """Write the shims, which are found before the programs that they call."""
    folder.mkdir()
    for name, script in SHIMS.items():
        values = {
            "{real}": shutil.which(name) or "false",
            "{socket}": shlex.quote(socket),
            "{python}": shlex.quote(sys.executable),
        }
        text = f"#!/usr/bin/env bash\n{script}\n"
        for placeholder, value in values.items():
            text = text.replace(placeholder, value)
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return folder


def run_on_terminal(code: str, environment: dict[str, str], folder: Path) -> tuple[str, str]:
    """Return the output and the errors of a script; its output is a terminal, as a person's."""
    seen, terminal = pty.openpty()
    shell = ["timeout", str(DEADLINE), "bash", "-ec", code]
    with (folder / "errors").open("w+") as errors:
        with subprocess.Popen(
            shell,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=terminal,
            stderr=errors,
        ) as process:
            os.close(terminal)
            output = b"".join(iter(lambda: read_some(seen), b""))
        os.close(seen)
        errors.seek(0)
        complaints = errors.read()
    assert process.returncode == 0, f"exit code {process.returncode}\n{complaints}"
    return output.decode().replace("\r\n", "\n"), complaints


def read_some(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # on Linux, nobody writes to it any more
        return b""


def form(output: str) -> object:
    """Return the part of an output that is the same in each run.

    That is the fields of a stream, the members of JSON values, else the last line without numbers.
    """
    lines = output.strip().splitlines()
    if any(line.startswith("data:") for line in lines):
        return {line.partition(":")[0] for line in lines if line and not line[0].isspace()}
    values = json_values(output) or json_values(lines[-1])
    if values:
        return [sorted(each) if isinstance(each, dict) else each for each in values]
    return NUMBER.sub("0", OWNER.sub("owner", lines[-1])).split()


def json_values(text: str) -> list[object]:
    """Return the JSON objects and arrays in `text`; none if it is not made of these alone."""
    decoder = json.JSONDecoder()
    values: list[object] = []
    rest = text.strip()
    while rest:
        try:
            value, end = decoder.raw_decode(rest)
        except ValueError:
            return []
        if not isinstance(value, dict | list):
            return []
        values.append(value)
        rest = rest[end:].lstrip()
    return values


@pytest.mark.parametrize("block", SHELL, ids=str)
def test_command_prints_what_its_page_shows(block: Block, stack: Stack, tmp_path: Path) -> None:
    missing = [each for each in PROGRAMS if each in block.code and shutil.which(each) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    environment = {
        "PATH": f"{stack.programs}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "KRAKEN_BOOK_URL": stack.addresses["http://localhost:3000"],
        "CURL_OPTIONS": "" if block.output else "--fail-with-body",
    }
    output, _ = run_on_terminal(stack.localize(block.code), environment, tmp_path)
    assert output.strip()
    if block.output is not None:
        assert form(output) == form(block.output), output


@pytest.mark.parametrize("block", JAVASCRIPT, ids=str)
def test_javascript_example_runs_in_node(block: Block, stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "example.mjs").write_text(stack.localize(block.code))
    shutil.copy(ROOT / "api" / "page" / "kraken-book.js", tmp_path / "kraken-book.mjs")
    assert_prints([find_node(), "example.mjs"], tmp_path)


@pytest.mark.skipif(shutil.which("java") is None, reason="no java on the PATH")
@pytest.mark.parametrize("block", JAVA, ids=str)
def test_java_example_runs(block: Block, stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "Reader.java").write_text(stack.localize(block.code))
    assert_prints(["java", "Reader.java"], tmp_path)


def assert_prints(command: list[str], folder: Path) -> None:
    """Run a program until it has printed a line; fail if it ends without one."""
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        deadline = threading.Timer(DEADLINE, process.kill)
        deadline.start()
        try:
            line = process.stdout.readline()
            assert line.strip()
            assert "Error" not in line, line + process.stdout.read()
        finally:
            deadline.cancel()
            process.kill()


class Enough(Exception):
    """An example has printed enough."""


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the recordings of docs/recordings.md: `rec` and `tape`."""
    folder = tmp_path_factory.mktemp("recordings")
    write_file(folder / "rec", events_of("BTC/USD"))
    (folder / "tape").mkdir()
    lines = (DATA / "kraken-btcusd-depth10.jsonl").read_text().splitlines()
    text = "".join(
        f"{1_795_795_200_000_000_000 + number} {line}\n" for number, line in enumerate(lines)
    )
    (folder / "tape" / "16-connection-1.tape.zst").write_bytes(zstd.compress(text.encode()))
    return folder


@pytest.mark.parametrize("block", PYTHON, ids=str)
def test_python_example_runs(
    block: Block, stack: Stack, recordings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(recordings)
    lines: list[str] = []

    def show(*values: object) -> None:
        lines.append(" ".join(map(str, values)))
        if len(lines) == MAX_PRINTS:
            raise Enough

    code = compile(stack.localize(block.code), str(block), "exec")
    with suppress(Enough):
        exec(code, {"__name__": "__main__", "print": show})
    assert lines


async def test_notebook_runs_cell_by_cell(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The cells run within an event loop and may await, as in Jupyter."""
    monkeypatch.setenv("KRAKEN_BOOK_URL", stack.addresses["http://localhost:3000"])
    notebook = json.loads((ROOT / "examples" / "books.ipynb").read_text())
    names: dict[str, object] = {}
    for cell in notebook["cells"]:
        assert not cell.get("outputs"), "save the notebook without outputs"
        if cell["cell_type"] == "code":
            source = "".join(cell["source"])
            code = compile(source, cell["id"], "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            result = eval(code, names)
            if inspect.isawaitable(result):
                await result
    assert "<FrozenBook BTC/USD " in capsys.readouterr().out
    book = names["book"]
    assert isinstance(book, FrozenBook)
    assert book.is_live
    assert isinstance(names["following"], Watch)
    assert set(names["following"].books) == {"BTC/USD", "ETH/USD"}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_each_block_has_a_known_language_or_a_reason(page: Path) -> None:
    for block in blocks(page):
        assert block.language in {"sh", "python", "js", "java", *OTHER_LANGUAGES}, str(block)
        assert block.reason is None or block.language == "sh", f"{block}: only sh blocks run"
        if block.language == "json":
            assert json_values(block.code), f"{block} is not JSON"


def test_commands_of_the_main_pages_are_run() -> None:
    run = {block.page for block in SHELL}
    assert {"README.md", "docs/quickstart.md", "docs/http.md", "docs/redis.md"} <= run
    assert len([block for block in SHELL if block.page == "docs/redis.md"]) >= 10
