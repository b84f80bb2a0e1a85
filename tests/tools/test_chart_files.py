"""`make chart` writes what the Helm chart repeats, and nothing is left for it to write."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml

from collector.settings import VENUES
from runtime.setting_names import known_names
from tools.chart_files import CHART, COPIES, HEAD, OTHERS, ROOT, SCHEMA, main, written


def copied(root: Path) -> Path:
    """Return a folder with the files of the project that the tool reads."""
    for name in (SCHEMA, HEAD, *COPIES, *COPIES.values()):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, root / name)
    return root


def test_files_have_what_make_chart_writes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"]) == 0, capsys.readouterr().out


def test_settings_that_were_removed_by_hand_are_written_again(tmp_path: Path) -> None:
    root = copied(tmp_path)
    right = written(root)
    schema = json.loads((root / SCHEMA).read_text())
    del schema["definitions"]["krakenSettings"]["properties"]["KRAKEN_DEPTH"]
    schema["properties"]["venues"] = {}
    (root / SCHEMA).write_text(json.dumps(schema))
    (root / HEAD).write_text((root / HEAD).read_text().replace("appVersion: ", "appVersion: 9"))
    assert written(root) == right


def test_schema_permits_real_settings_alone() -> None:
    definitions = json.loads((ROOT / SCHEMA).read_text())["definitions"]
    named = {
        name
        for kind, each in definitions.items()
        if kind.endswith("Settings")
        for name in each["properties"]
    }
    assert named - set(OTHERS) <= known_names()
    assert {"KRAKEN_SYMBOLS", "BINANCE_REST_URL", "API_HOSTS", "STREAM_MAXLEN"} <= named


def test_values_have_every_venue() -> None:
    values = yaml.safe_load((ROOT / CHART / "values.yaml").read_text())
    assert set(values["venues"]) == set(VENUES)
    assert [name for name, each in values["venues"].items() if each["enabled"]] == ["kraken"]
