"""What decoding the JSON of others raises.

`msgspec.DecodeError` alone is not enough: a text in it may not be UTF-8, and lists may be nested
too deeply.
"""

from __future__ import annotations

import msgspec

__all__ = ["JSON_ERRORS"]

JSON_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""The errors of msgspec's decoder for JSON, whatever the bytes are."""
