"""Read tapes of whole connections: for venues that number all frames of a connection.

A `!opened` line begins a connection; the files of a connection's hours belong together. A file
without such a line has one connection.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from simulator.recording.lines import (
    RecordedFrame,
    RecordingError,
    read_frames,
    recorded_files,
)

_NAME = re.compile(r"\d\d-connection-(?P<name>.+)-\d{6}\.\d{6}(-\d+)?\.tape.*")


class ConnectionFrame(NamedTuple):
    """A received frame, and the seconds since the first one of its connection."""

    seconds: float
    text: str


@dataclass
class RecordedConnection:
    """The received frames of one connection.

    Attributes:
        name: The name of the connection in its collector; later ones of the name follow it.
        frames: The frames in order.
    """

    name: str
    frames: list[ConnectionFrame] = field(default_factory=list)


def read_connections(path: Path) -> list[RecordedConnection]:
    """Return the connections of a recording; OSError if a file cannot be read.

    Args:
        path: A file, or a folder of tapes.

    Returns:
        The connections that have frames, in the order of their names and times.

    Raises:
        RecordingError: The content is wrong, or there is no frame.
    """
    by_name: dict[str, list[RecordedFrame]] = {}
    for file in recorded_files(path):
        match = _NAME.fullmatch(file.name)
        name = match["name"] if match else file.name
        by_name.setdefault(name, []).extend(read_frames(file, openings=True))
    connections = [
        connection for name, frames in by_name.items() for connection in _split(name, frames)
    ]
    if not connections:
        raise RecordingError(f"{path}: no frame found")
    return connections


def _split(name: str, frames: Iterable[RecordedFrame]) -> list[RecordedConnection]:
    connections = [RecordedConnection(name)]
    begin = 0.0
    for frame in frames:
        if frame.is_opening:
            connections.append(RecordedConnection(name))
            continue
        played = connections[-1].frames
        seconds = frame.seconds if frame.seconds is not None else 0.0
        if not played:
            begin = seconds
        played.append(ConnectionFrame(max(0.0, seconds - begin), frame.text))
    return [connection for connection in connections if connection.frames]
