"""How a service begins: its command line, its settings, its log."""

from __future__ import annotations

from typing import TypeVar

from service.command_line import refuse_arguments
from service.garbage import look_for_garbage_seldom
from service.log_output import LogOutput
from service.logs import configure_logs, parse_levels
from service.settings import ServiceSettings, read_settings
from service.standard_streams import hold_standard_descriptors

Settings = TypeVar("Settings", bound=ServiceSettings)


def begin(module: str, what: str, kind: type[Settings]) -> tuple[Settings, LogOutput | None]:
    """Read the settings and set up the log; end the process if it cannot start like this.

    Args:
        module: What `python -m` is given.
        what: What the service does, for `--help`.
        kind: The class of its settings.

    Returns:
        The settings, and where the log goes.

    """
    hold_standard_descriptors()
    refuse_arguments(module, what, kind)
    settings = read_settings(kind)
    output = configure_logs(parse_levels(settings.log_level), settings.log_format)
    look_for_garbage_seldom()
    return settings, output
