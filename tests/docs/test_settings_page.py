"""docs/settings.md lists every setting of the services, with its default, range and an example."""

from __future__ import annotations

import re
from typing import Any

import annotated_types
import pytest
from pydantic import ValidationError

from api.settings import ApiSettings
from collector.settings import CollectorSettings
from launcher.settings import LauncherSettings
from runtime.settings import EnvironmentSettings, ServiceSettings
from tests.docs.markdown import DOCS, section

PAGE = (DOCS / "settings.md").read_text()
SECTIONS: dict[str, type[EnvironmentSettings]] = {
    "All services": ServiceSettings,
    "Collector": CollectorSettings,
    "Api": ApiSettings,
    "make run": LauncherSettings,
}
SHARED = set(ServiceSettings.model_fields)
# | `API_PORT` | integer | 1 to 65535 | `3000` | `8080` | its port |
ROW = re.compile(
    r"^\| `(?P<name>\w+)` \| (?P<type>[^|]+) \|(?P<range>[^|]*)\|"
    r" (?P<default>[^|]+) \| `(?P<example>[^|]+)` \| [^|]+ \|$",
    re.MULTILINE,
)


def rows(title: str) -> list[re.Match[str]]:
    return list(ROW.finditer(section(PAGE, title)))


ROWS = [(title, row) for title in SECTIONS for row in rows(title)]
EACH = pytest.mark.parametrize(("title", "row"), ROWS, ids=[row["name"] for _, row in ROWS])


def shown(default: object) -> str:
    text = f"{default:g}" if isinstance(default, float) else str(default)
    return "none" if default is None or not text else f"`{text}`"


def bounds(metadata: list[Any]) -> str | None:
    """Return the range of a number in the words of the page, None if it has no bounds."""
    found = {type(each): each for each in metadata}
    least, most = found.get(annotated_types.Ge), found.get(annotated_types.Le)
    if least is not None and most is not None:
        return f"{least.ge} to {most.le}"
    if least is not None:
        return f"at least {least.ge}"
    return "above 0" if annotated_types.Gt in found else None


@pytest.mark.parametrize("title", SECTIONS)
def test_settings_page_lists_every_setting(title: str) -> None:
    fields = set(SECTIONS[title].model_fields)
    own = fields if title == "All services" else fields - SHARED
    assert {row["name"].lower() for row in rows(title)} == own


@EACH
def test_settings_page_has_default_and_range(title: str, row: re.Match[str]) -> None:
    field = SECTIONS[title].model_fields[row["name"].lower()]
    assert row["default"] == shown(field.default)
    expected = bounds(field.metadata)
    if expected is not None:
        assert row["range"].strip() == expected


@EACH
def test_settings_page_example_is_accepted(
    title: str, row: re.Match[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(row["name"], row["example"])
    try:
        settings = SECTIONS[title]()
    except ValidationError as error:
        pytest.fail(str(error))
    assert settings.is_given(row["name"].lower())
