"""Settings that were renamed or removed, and what is said about each.

A setting that gets another name is accepted by its old one until the release `until`. A removed one
is ignored. In both cases a service logs one line at its start that names the new setting. After the
release `until` the entry is deleted, `SETTINGS_VERSION` grows, and the old name is refused like a
misspelt one. CHANGELOG.md tells each step under "Deprecated" and "Removed".
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple


class RetiredSetting(NamedTuple):
    """An old name of a setting, or a setting that has no effect any more."""

    new: str | None
    """The setting to use instead; None if there is none."""
    until: str
    """The first release that refuses the old name."""


RETIRED: Mapping[str, RetiredSetting] = {}
"""The old names in capitals."""


def new_values(
    variables: Mapping[str, str | None],
    fields: Collection[str],
    retired: Mapping[str, RetiredSetting] = RETIRED,
) -> dict[str, str]:
    """Return the values that were given by an old name, by the field of the new one.

    The new name has priority if both are given.

    Args:
        variables: The variables of the environment and of `.env`.
        fields: The fields of the program's settings.
        retired: The old names.
    """
    given = {name.upper(): value for name, value in variables.items() if value}
    return {
        setting.new.lower(): given[old]
        for old, setting in retired.items()
        if setting.new is not None and old in given
        if setting.new.lower() in fields and setting.new not in given
    }


def describe_retired(
    variables: Mapping[str, str | None], retired: Mapping[str, RetiredSetting] = RETIRED
) -> list[dict[str, str]]:
    """Return the fields of a log line for each old name that is given, without its value.

    Args:
        variables: The variables of the environment and of `.env`.
        retired: The old names.
    """
    given = {name.upper() for name, value in variables.items() if value}
    return [
        {
            "setting": old,
            "until": setting.until,
            "advice": f"use {setting.new}" if setting.new else "remove it, it has no effect",
        }
        for old, setting in sorted(retired.items())
        if old in given
    ]
