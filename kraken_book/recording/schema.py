"""The columns and the metadata of a book file.

One row is one level of an event; an event without levels is one row without a side. All values of
an event are repeated in each of its rows, so that any reader can filter rows.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import pyarrow as pa

__all__ = ["LEVEL_COLUMNS", "SCHEMA", "SCHEMA_VERSION", "FileMetadata", "decode_metadata"]

SCHEMA_VERSION = 1

# As a dictionary, `symbol` has the type that pyarrow gives to the folder's name. With plain text,
# `pandas.read_parquet` of a folder fails.
_WORD = pa.dictionary(pa.int32(), pa.string())
_TIME = pa.timestamp("us", tz="UTC")

_OF_EVENT = [
    pa.field("symbol", _WORD, nullable=False),
    pa.field("kind", _WORD, nullable=False),
    pa.field("epoch", pa.int64()),
    pa.field("seq", pa.int64()),
    pa.field("exchange_time", _TIME),
    pa.field("received_at", _TIME),
    pa.field("recorded_at", _TIME, nullable=False),
    pa.field("price_precision", pa.int8()),
    pa.field("qty_precision", pa.int8()),
    pa.field("checksum", pa.int64()),
    pa.field("verified", pa.bool_(), nullable=False),
    pa.field("status", _WORD),
    pa.field("reason", _WORD),
    pa.field("conflated", pa.int64()),
    pa.field("missed", pa.int64()),
]
_OF_LEVEL = [
    pa.field("side", _WORD),
    pa.field("price", pa.float64()),
    pa.field("qty", pa.float64()),
    pa.field("price_ticks", pa.int64()),
    pa.field("qty_lots", pa.int64()),
    pa.field("qty_text", pa.string()),
    pa.field("last", pa.bool_(), nullable=False),
]
LEVEL_COLUMNS = tuple(field.name for field in _OF_LEVEL)

SCHEMA = pa.schema([*_OF_EVENT, *_OF_LEVEL])
"""The columns of every book file, in order."""

# Readers show the metadata of all programs in one map.
_PREFIX = "kraken_book."


class FileMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """The metadata of a book file, which its manifest line repeats.

    Times are Unix microseconds of `recorded_at`; positions are None if no event has one.

    Attributes:
        schema_version: Version of the columns.
        venue: The venue's name.
        symbol: The symbol.
        source: The origin of the books: the venue's name, `simulated` or `replay`.
        depth: Most levels of each side.
        price_precision: Decimals of prices.
        qty_precision: Decimals of quantities.
        first_time: Time of the first event.
        last_time: Time of the last event.
        first_epoch: Epoch of the first event that has a position.
        first_seq: Seq of the same event.
        last_epoch: Epoch of the last event that has a position.
        last_seq: Seq of the same event.
        first_id: The stream's id at the first event, None if none had arrived.
        last_id: The id with which a reader resumes after the last event.
        rows: Number of rows.
        events: Number of events, without the snapshot that continues an earlier file.
        gaps: Number of `lagged` events: how often events are missing.
    """

    schema_version: int
    venue: str
    symbol: str
    source: str
    depth: int
    price_precision: int | None
    qty_precision: int | None
    first_time: int
    last_time: int
    first_epoch: int | None
    first_seq: int | None
    last_epoch: int | None
    last_seq: int | None
    first_id: str | None
    last_id: str | None
    rows: int
    events: int
    gaps: int

    def encode(self) -> dict[str, str]:
        """Return the metadata as texts; None is the empty text."""
        values = msgspec.structs.asdict(self)
        return {
            f"{_PREFIX}{name}": "" if value is None else str(value)
            for name, value in values.items()
        }


def decode_metadata(metadata: Mapping[bytes, bytes] | None) -> FileMetadata:
    """Return the metadata of a Parquet file.

    Args:
        metadata: All metadata of the file.

    Raises:
        ValueError: It is not the metadata of a book file, or of a later version of them.
    """
    prefix = _PREFIX.encode()
    texts = {
        key.removeprefix(prefix).decode(): value.decode() or None
        for key, value in (metadata or {}).items()
        if key.startswith(prefix)
    }
    if not texts:
        raise ValueError("it is not a book file: it has no metadata of kraken-book")
    if texts.get("schema_version") != str(SCHEMA_VERSION):
        raise ValueError(
            f"it has schema version {texts.get('schema_version')}; this program reads version"
            f" {SCHEMA_VERSION}"
        )
    try:
        return msgspec.convert(texts, FileMetadata, strict=False)
    except msgspec.ValidationError as error:
        raise ValueError(f"its metadata is damaged: {error}") from None
