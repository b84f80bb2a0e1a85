"""The version of the contract, and the recognition of a newer one.

The minor number grows with each addition, and the major one if a statement becomes untrue. Programs
with the same major number work together. A collector writes its version in its report in
`<venue>:feed`, and a report without one is of 1.0. The member `contract` of a report stays in all
versions, so that every program can recognise a newer one.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import msgspec

from kraken_book.json_errors import JSON_ERRORS

__all__ = ["CONTRACT", "ContractVersion", "newer_contract"]


class ContractVersion(NamedTuple):
    """A version of the contract; a newer one compares as greater."""

    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


CONTRACT = ContractVersion(1, 1)
"""The version that this code reads and writes; docs/contract.md describes it."""


class _VersionedReport(msgspec.Struct):
    contract: object = "1.0"


_decoder = msgspec.json.Decoder(_VersionedReport)


def newer_contract(report: bytes, known: ContractVersion = CONTRACT) -> str | None:
    """Return the version of the contract in a report, if it is newer than this code can follow.

    A version that cannot be parsed counts as newer, because a later contract may write it so. What
    is no JSON object, or cannot be decoded, is no report.

    Args:
        report: The JSON of a shard in `<venue>:feed`.
        known: The version that this code can follow.
    """
    try:
        text = str(_decoder.decode(report).contract)
    except JSON_ERRORS:
        return None
    match = re.fullmatch(r"(\d{1,6})\.\d{1,6}", text, re.ASCII)
    return None if match and int(match[1]) <= known.major else text[:32]
