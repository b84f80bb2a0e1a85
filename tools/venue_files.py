"""Write what several files repeat of each venue: its settings, its service, its packages.

    make venues

The classes of settings and the folders of the simulator are the source. `--check` changes nothing,
and prints the files that would change; a test runs it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import annotated_types
from pydantic.fields import FieldInfo

from collector.settings import VENUES, CollectorSettings, DepthChoice, FollowedVenue, usual_path
from kraken_book.symbols import KRAKEN
from runtime.command_line import ExitCodes
from runtime.settings import describe_fields
from tools.console import options_parser

ROOT = Path(__file__).resolve().parents[1]
EXIT_CODES: ExitCodes = {
    0: "the files are written, or do not differ",
    1: "with --check: a file differs",
    2: "an argument is invalid, or a file has no place for the venues",
}
SETTINGS, COMPOSE, WALLS = "docs/settings.md", "docker-compose.yml", "pyproject.toml"
OTHERS = tuple(venue for venue in VENUES if venue != KRAKEN)
# The settings of a venue: type, range if it is not that of numbers, and example if it is the same
# for each venue.
FORMS = {
    "symbols": ("patterns", "as `KRAKEN_SYMBOLS`", ""),
    "depth": ("integer, levels", "", "25"),
    "url": ("URL", "`ws://…`, `wss://…`", ""),
    "rest_url": ("URL", "`http://…`, `https://…`", "http://127.0.0.1:9443"),
    "symbols_per_connection": ("integer", "", "5"),
    "max_symbols": ("integer", "", "50"),
    "connects_per_10_min": ("integer", "", "30"),
    "quiet_resync": ("number, seconds", "", "3600"),
}


class NoPlaceError(Exception):
    """A file does not have the lines between which the venues belong."""


def written(root: Path = ROOT) -> dict[str, str]:
    """Return the text that each file should have, by its path.

    Args:
        root: The folder of the project.
    """
    collectors = "\n".join(map(_service, OTHERS))
    volumes = "".join(f"  tape-{venue}:\n  tape-{venue}-standby:\n" for venue in OTHERS)
    rows = "".join(_row(venue, field) for venue in OTHERS for field in FORMS)
    found = sorted(path.parent.name for path in root.glob("simulator/protocols/*/protocol.py"))
    packages = "".join(f'    "simulator.protocols.{name}",\n' for name in found)
    compose = _between(root / COMPOSE, "  # Written by `make venues`.\n", collectors, "\n  api:\n")
    return {
        SETTINGS: _between(
            root / SETTINGS,
            "<!-- written by `make venues` from the classes of settings -->\n\n"
            "| variable | type | range | default | example | meaning |\n"
            "| --- | --- | --- | --- | --- | --- |\n",
            rows,
            "\n## Api\n",
        ),
        COMPOSE: _between_in(compose, COMPOSE, "\n  tape:\n", volumes, "  caddy:\n"),
        WALLS: _between(
            root / WALLS,
            'name = "The protocols of the simulated venues do not import each other"\n'
            'type = "independence"\nmodules = [\n',
            packages,
            "]\n",
        ),
    }


def _between(path: Path, before: str, lines: str, after: str) -> str:
    return _between_in(path.read_text(), path.name, before, lines, after)


def _between_in(text: str, name: str, before: str, lines: str, after: str) -> str:
    """Return `text` with `lines` between two texts that are in it."""
    start = text.find(before)
    end = text.find(after, start + len(before))
    if start < 0 or end < 0:
        raise NoPlaceError(f"{name}: the venues belong between {before!r} and {after!r}")
    return text[: start + len(before)] + lines + text[end:]


def _service(venue: str) -> str:
    """Return the pair of collectors of a venue in the compose file."""
    fields = FollowedVenue._fields[1:]  # without the name
    settings = "".join(f"      {_variable(venue, field)}:\n" for field in fields)
    return (
        f"  collector-{venue}: &{venue}\n"
        "    <<: *collector\n"
        f"    profiles: [{venue}]\n"
        "    environment:\n"
        "      <<: *collected\n"
        f"      COLLECTOR_VENUE: {venue}\n"
        f"{settings}"
        f'    volumes: ["secrets-collector:/secrets:ro", "tape-{venue}:/tape"]\n'
        "\n"
        f"  collector-{venue}-standby:\n"
        f"    <<: *{venue}\n"
        f'    volumes: ["secrets-collector:/secrets:ro", "tape-{venue}-standby:/tape"]\n'
    )


def _row(venue: str, field: str) -> str:
    """Return the row of a setting."""
    kind, takes, example = FORMS[field]
    name = f"{venue}_{field}"
    info = CollectorSettings.model_fields[name]
    match field:
        case "url":
            example = f"ws://127.0.0.1:9443{usual_path(venue)}"
        case "symbols":
            example = f"*/{str(info.default).partition(',')[0].partition('/')[2]}"
    meaning = describe_fields(CollectorSettings)[name]
    cells = (
        f"`{_variable(venue, field)}`",
        kind,
        takes or _range(info),
        f"`{info.default:g}`" if isinstance(info.default, float) else f"`{info.default}`",
        f"`{example}`",
        meaning,
    )
    return f"| {' | '.join(cells)} |\n"


def _range(info: FieldInfo) -> str:
    """Return what a number may be."""
    for each in info.metadata:
        if isinstance(choice := getattr(each, "func", None), DepthChoice):
            return ", ".join(map(str, choice.depths))
    bounds = {type(each): each for each in info.metadata}
    least = bounds[annotated_types.Ge].ge
    most = bounds.get(annotated_types.Le)
    return f"at least {least}" if most is None else f"{least} to {most.le}"


def _variable(venue: str, field: str) -> str:
    return f"{venue}_{field}".upper()


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the files, or check them; return the exit code."""
    parser = options_parser(
        "venue_files", "Write what several files repeat of each venue.", EXIT_CODES
    )
    parser.add_argument("--check", action="store_true", help="change nothing; 1 if a file differs")
    given = parser.parse_args(arguments)
    try:
        texts = written()
    except NoPlaceError as error:
        print(error, file=sys.stderr)
        return 2
    different = [name for name, text in texts.items() if (ROOT / name).read_text() != text]
    for name in different:
        if not given.check:
            (ROOT / name).write_text(texts[name])
        print(f"{name}: {'differs: run `make venues`' if given.check else 'written'}")
    return 1 if different and given.check else 0


if __name__ == "__main__":
    sys.exit(main())
