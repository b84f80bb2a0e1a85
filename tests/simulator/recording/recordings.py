"""The lines of a small recording, and a function that writes lines to a file."""

from __future__ import annotations

from pathlib import Path

STATUS = '{"channel":"status","type":"update","data":[]}'
ACK = (
    '{"method":"subscribe","result":{"channel":"book","depth":25,"snapshot":true,'
    '"symbol":"BTC/USD"},"success":true}'
)
HEARTBEAT = '{"channel":"heartbeat"}'
FRAMES = [
    # Spaces, another order of keys and an exponent must be replayed unchanged.
    '{"channel":"book", "type":"snapshot","data":[{"symbol":"BTC/USD","bids":[{"price":1.5,'
    '"qty":0.0100}],"asks":[],"checksum":1,"timestamp":"2026-08-01T00:00:01.000000Z"}]}',
    '{"type":"update","channel":"book","data":[{"symbol":"BTC/USD","bids":[],"asks":[{"price":'
    '2.25,"qty":1e-05}],"checksum":2,"timestamp":"2026-08-01T00:00:01.050000Z"}]}',
    '{"channel":"book","type":"snapshot","data":[{"symbol":"BTC/USD","bids":[],"asks":[],'
    '"checksum":0,"timestamp":"2026-08-01T00:00:01.100000Z"}]}',
]
EARLY = FRAMES[1].replace('"checksum":2', '"checksum":99')


def record(path: Path, lines: list[str], received_ns: list[int] | None = None) -> Path:
    file = path / "recording.jsonl"
    file.write_text("\n".join(lines) + "\n")
    if received_ns is not None:
        file.with_suffix(".received-ns").write_text("\n".join(map(str, received_ns)) + "\n")
    return file
