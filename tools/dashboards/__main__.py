"""`make dashboards`: write the JSON of Grafana's dashboards, and draw docs/dashboard-*.png.

The pictures show real services with simulated markets and faults, watched by a real Prometheus.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from lab.process import ROOT
from lab.prometheus import NO_PROMETHEUS, PROMETHEUS
from runtime.command_line import ExitCodes
from tools.console import options_parser
from tools.dashboards.grafana import grafana_json
from tools.dashboards.overview import OVERVIEW
from tools.dashboards.picture import draw
from tools.dashboards.services import API, COLLECTOR
from tools.dashboards.stage import open_scene, watch

DASHBOARDS = (OVERVIEW, COLLECTOR, API)
FOLDER = ROOT / "deploy" / "monitoring" / "grafana" / "dashboards"
EXIT_CODES: ExitCodes = {
    0: "the files are written, or do not differ",
    1: "with --check: a file differs",
    2: "an argument is invalid, or something that the pictures need is missing",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the dashboards, or draw them; return the exit code."""
    parser = options_parser(
        "dashboards", "Write Grafana's dashboards, or draw pictures of them.", EXIT_CODES
    )
    parser.add_argument("--check", action="store_true", help="change nothing; 1 if a file differs")
    parser.add_argument(
        "--pictures",
        type=int,
        metavar="SECONDS",
        help="run services with faults for this time, and draw docs/dashboard-*.png",
    )
    given = parser.parse_args(arguments)
    if given.pictures is not None:
        return _draw(given.pictures)
    texts = {FOLDER / f"{each.name}.json": grafana_json(each) for each in DASHBOARDS}
    different = [path for path, text in texts.items() if _text(path) != text]
    for path in different:
        if not given.check:
            path.write_text(texts[path])
        name = path.relative_to(ROOT)
        print(f"{name}: {'differs: run `make dashboards`' if given.check else 'written'}")
    return 1 if different and given.check else 0


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def _draw(seconds: int) -> int:
    missing = NO_PROMETHEUS if PROMETHEUS is None else ""
    if find_spec("matplotlib") is None:
        missing = "matplotlib is not installed: `make bench` installs it"
    if missing:
        sys.stderr.write(f"dashboards: {missing}\n")
        return 2
    with tempfile.TemporaryDirectory() as folder, open_scene(Path(folder)) as scene:
        watch(scene, seconds)
        for each in DASHBOARDS:
            draw(each, scene.prometheus, seconds, ROOT / "docs" / f"dashboard-{each.name}.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
