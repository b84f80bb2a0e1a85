"""The exceptions that malformed JSON from other programs can raise.

`msgspec.DecodeError` alone is not enough: a text in it may not be UTF-8, and lists may be nested
too deeply.
"""

from __future__ import annotations

import msgspec

__all__ = ["JSON_ERRORS"]

JSON_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""All exceptions of msgspec's JSON decoder, for any bytes."""
