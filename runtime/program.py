"""Begin a service: read its command line and settings, and set up its log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from runtime.command_line import refuse_arguments
from runtime.garbage import look_for_garbage_seldom
from runtime.log_output import LogOutput
from runtime.logs import configure_logs, parse_levels
from runtime.settings import ServiceSettings, read_settings
from runtime.standard_streams import hold_standard_descriptors

Settings = TypeVar("Settings", bound=ServiceSettings)


def begin(
    module: str,
    what: str,
    kind: type[Settings],
    *,
    console_levels: Mapping[str, int] | None = None,
) -> tuple[Settings, LogOutput | None]:
    """Read the settings and set up the log; end the process if it cannot start like this.

    Args:
        module: What `python -m` is given.
        what: What the service does, for `--help`.
        kind: The class of its settings.
        console_levels: Levels of modules that say too much for a console.

    Returns:
        The settings, and where the log goes.

    """
    hold_standard_descriptors()
    refuse_arguments(module, what, kind)
    settings = read_settings(kind)
    levels = parse_levels(settings.log_level)
    output = configure_logs(levels, settings.log_format, console_levels=console_levels)
    look_for_garbage_seldom()
    return settings, output
