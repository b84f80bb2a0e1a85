"""Errors of the launcher."""

from __future__ import annotations


class CannotStartError(Exception):
    """The launcher cannot start; the message names the fault and its remedy."""
