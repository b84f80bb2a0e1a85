"""Node, to run JavaScript without a browser."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import playwright

PAGE = Path(__file__).parents[1] / "api" / "page"
SECONDS = 60


def find_node() -> str:
    """Return the path of Node: the machine's, else the one inside of Playwright's package."""
    packaged = Path(playwright.__file__).parent / "driver" / "node"
    return shutil.which("node") or str(packaged)


def run_in_node(script: str, given: object = None) -> Any:
    """Return the result of `script`, run in Node with the page's modules.

    Args:
        script: The body of an asynchronous function. It has `given`, and `load(path)`, which
            imports a module of the page. If it fails, so does an assertion.
        given: A value for the script, as JSON.
    """
    source = f"""
        const given = {json.dumps(given)}
        const load = (path) => import({json.dumps(PAGE.as_uri())} + "/" + path)
        const result = await (async () => {{ {script} }})()
        // Timers that still run, such as those of a stream, do not delay the end.
        process.stdout.write(JSON.stringify(result ?? null), () => process.exit())
    """
    # On its input, because an argument may have 128 KiB at most.
    node = [find_node(), "--input-type=module", "-"]
    done = subprocess.run(
        node, input=source, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def run_module(path: str, script: str, given: object = None) -> Any:
    """Return what `run_in_node` does, for a script that also has `module`, the page's at `path`."""
    return run_in_node(f"const module = await load({json.dumps(path)})\n{script}", given)
