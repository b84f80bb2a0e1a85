"""Former names of the test equipment; deleted when no test imports them."""

from __future__ import annotations

from lab.process_table import catches, command_of, descendants, wait_for_command
from lab.process_table import is_running as lives
from lab.waiting import DEADLINE as LIMIT
from lab.waiting import wait_until as eventually

__all__ = [
    "LIMIT",
    "catches",
    "command_of",
    "descendants",
    "eventually",
    "lives",
    "wait_for_command",
]
