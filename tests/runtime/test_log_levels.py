"""The levels that `LOG_LEVEL` sets."""

from __future__ import annotations

import logging

import pytest

from runtime.log_levels import parse_levels


@pytest.mark.parametrize(
    ("text", "levels"),
    [
        ("info", {"": logging.INFO}),
        ("DEBUG", {"": logging.DEBUG}),
        ("", {"": logging.INFO}),
        (
            "info,collector.kraken=debug",
            {"": logging.INFO, "collector.kraken": logging.DEBUG},
        ),
        (" warning , api = error ,", {"": logging.WARNING, "api": logging.ERROR}),
        ("api=critical", {"": logging.INFO, "api": logging.CRITICAL}),
    ],
)
def test_parse_levels_returns_root_and_module_levels(text: str, levels: dict[str, int]) -> None:
    assert parse_levels(text) == levels


@pytest.mark.parametrize("text", ["loud", "info,api=loud", "api=", "=", "info debug", "api:debug"])
def test_parse_levels_refuses_unknown_level_with_the_valid_ones(text: str) -> None:
    with pytest.raises(ValueError, match="is not a level: use one of debug, info, warning"):
        parse_levels(text)
