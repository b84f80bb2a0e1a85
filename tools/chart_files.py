"""Write what the Helm chart repeats of the project: settings, Redis users, alerts and the version.

    make chart

The classes of settings and `deploy/` are the source. `--check` changes nothing, and prints the
files that would change; a test runs it.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from api.settings import ApiSettings
from collector.settings import VENUES, CollectorSettings
from kraken_book import __version__
from runtime.command_line import ExitCodes
from runtime.settings import EnvironmentSettings, ServiceSettings, describe_fields
from tools.console import options_parser

ROOT = Path(__file__).resolve().parents[1]
CHART = "deploy/helm/kraken-book"
SCHEMA, HEAD = f"{CHART}/values.schema.json", f"{CHART}/Chart.yaml"
COPIES = {
    f"{CHART}/files/redis-acl.conf": "deploy/redis-acl.conf",
    f"{CHART}/files/alerts.yml": "deploy/monitoring/alerts.yml",
}
EXIT_CODES: ExitCodes = {
    0: "the files are written, or do not differ",
    1: "with --check: a file differs",
    2: "an argument is invalid",
}

FIXED = frozenset(
    {
        "API_ACCESS_REDIS_URL",
        "API_JWT",
        "API_KEYS_FILE",
        "API_OPS_PORT",
        "API_PORT",
        "COLLECTOR_PORT",
        "COLLECTOR_SHARD",
        "COLLECTOR_TAPE",
        "COLLECTOR_VENUE",
        "REDIS_URL",
    }
)
"""Settings that the templates write from other values."""

OTHERS = {
    "HTTPS_PROXY": "proxy of the connections to the venue",
    "NO_PROXY": "hosts without the proxy",
    "SSL_CERT_FILE": "other certificates than the system's",
}
"""Variables of a collector that no class of settings has."""

Schema = dict[str, Any]


def written(root: Path = ROOT) -> dict[str, str]:
    """Return the text that each file of the chart should have, by its path.

    Args:
        root: The folder of the project.
    """
    head = (root / HEAD).read_text()
    return {
        SCHEMA: json.dumps(_schema(json.loads((root / SCHEMA).read_text())), indent=2) + "\n",
        HEAD: re.sub(r"(?m)^appVersion: .*$", f'appVersion: "{__version__}"', head),
        **{copy: (root / source).read_text() for copy, source in COPIES.items()},
    }


def _schema(schema: Schema) -> Schema:
    """Return the schema of the values with the settings of today."""
    collectors = _described(CollectorSettings)
    followed = {venue: _of_venue(collectors, venue) for venue in VENUES}
    common = {
        name: text
        for name, text in collectors.items()
        if not any(name in each for each in followed.values())
    } | OTHERS
    settings = {
        "commonSettings": _described(ServiceSettings),
        "collectorSettings": common,
        "apiSettings": _described(ApiSettings),
        **{f"{venue}Settings": each | common for venue, each in followed.items()},
    }
    definitions = {name: _settings(texts) for name, texts in settings.items()}
    own = {
        name: each
        for name, each in schema["properties"]["collector"]["properties"].items()
        if name != "settings"
    }
    venues = _object({venue: _object(_venue(venue) | own) for venue in VENUES})
    return schema | {
        "properties": schema["properties"] | {"venues": venues},
        "definitions": schema["definitions"] | definitions,
    }


def _described(kind: type[EnvironmentSettings]) -> dict[str, str]:
    """Return the line of each setting that values can have, by its variable."""
    texts = {name.upper(): text for name, text in describe_fields(kind).items()}
    return {name: text for name, text in texts.items() if name not in FIXED}


def _of_venue(texts: Mapping[str, str], venue: str) -> dict[str, str]:
    prefix = f"{venue.upper()}_"
    return {name: text for name, text in texts.items() if name.startswith(prefix)}


def _settings(texts: Mapping[str, str]) -> Schema:
    return _object(
        {name: {"type": ["string", "number"], "description": texts[name]} for name in sorted(texts)}
    )


def _venue(venue: str) -> Schema:
    return {
        "enabled": {"type": "boolean"},
        "shards": {"type": "integer", "minimum": 1, "maximum": 64},
        "oldShards": {"type": "integer", "minimum": 0, "maximum": 64},
        "settings": {"$ref": f"#/definitions/{venue}Settings"},
    }


def _object(properties: Mapping[str, Any]) -> Schema:
    return {"type": "object", "additionalProperties": False, "properties": dict(properties)}


def _different(texts: Mapping[str, str]) -> Iterable[str]:
    for name, text in texts.items():
        path = ROOT / name
        if not path.exists() or path.read_text() != text:
            yield name


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the files, or check them; return the exit code."""
    parser = options_parser("chart_files", "Write what the Helm chart repeats.", EXIT_CODES)
    parser.add_argument("--check", action="store_true", help="change nothing; 1 if a file differs")
    given = parser.parse_args(arguments)
    texts = written()
    different = list(_different(texts))
    for name in different:
        if not given.check:
            (ROOT / name).write_text(texts[name])
        print(f"{name}: {'differs: run `make chart`' if given.check else 'written'}")
    return 1 if different and given.check else 0


if __name__ == "__main__":
    sys.exit(main())
