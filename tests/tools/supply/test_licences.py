"""Every dependency has a licence that is compatible with ours, and the page lists it."""

from __future__ import annotations

import pytest

from tools.supply.licences import faults, is_compatible, licence_of, listed, main


def test_page_lists_a_compatible_licence_of_every_dependency(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--check"]) == 0, capsys.readouterr().err


def test_page_has_the_licences_of_the_services() -> None:
    assert {"starlette": "BSD-3-Clause", "certifi": "MPL-2.0"}.items() <= listed().items()


@pytest.mark.parametrize("expression", ["MIT", "MIT OR GPL-3.0-only", "BSD-3-Clause AND 0BSD"])
def test_permissive_licence_and_choice_are_compatible(expression: str) -> None:
    assert is_compatible(expression)


@pytest.mark.parametrize("expression", ["", "GPL-3.0-only", "MIT AND AGPL-3.0-only", "Proprietary"])
def test_copyleft_and_unknown_licence_are_named(expression: str) -> None:
    assert not is_compatible(expression)
    (line,) = faults({"a-package": expression, "other": "MIT"})
    assert line.startswith("a-package: ")


def test_package_that_is_not_installed_has_no_licence_here() -> None:
    assert licence_of("kraken-book-without-such-a-package") is None
