"""Find every program of the project: each module with `if __name__ == "__main__"`."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDERS = (
    "kraken_book", "runtime", "collector", "api", "simulator", "launcher", "bench", "lab", "tools",
)  # fmt: skip

SCRIPTS = {
    "bench.peers.cryptofeed_collector": "runs in .venv-peers, without our packages",
    "bench.peers.sse_starlette_app": "runs in .venv-peers, without our packages",
}
"""Programs that `python -m` cannot run, with the reason."""


_MAIN = "__main__"


def find_modules_with_main() -> Iterator[str]:
    """Yield the name for `python -m` of each module that is a program."""
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            text = path.read_text()
            # Parsing all modules takes each worker 0.5 s of CPU.
            if _MAIN in text and any(map(_is_main, ast.parse(text).body)):
                name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
                yield name.removesuffix(".__main__")


def find_programs() -> list[str]:
    """Return the name for `python -m` of each program."""
    return [name for name in find_modules_with_main() if name not in SCRIPTS]


def find_console_scripts() -> dict[str, str]:
    """Return the console scripts of the distribution with their targets."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    scripts: dict[str, str] = project["scripts"]
    return scripts


def _is_main(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'"
