"""Scripts that run in Node with the page's modules that need no browser."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from lab.node import find_node
from lab.scripted_api import PAGE

SECONDS = 60


def run_module(path: str, script: str, given: object = None) -> Any:
    """Return the result of `script`, the body of a function of `module` and `given`.

    `path` is that of the module below `api/page`. The result is one that JSON can carry.
    """
    program = f"""
        import * as module from {json.dumps((PAGE / path).as_uri())}
        const given = {json.dumps(given)}
        const result = await (async () => {{ {script} }})()
        process.stdout.write(JSON.stringify(result ?? null))
    """
    done = subprocess.run(
        [find_node(), "--input-type=module", "-"],
        input=program, capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
