"""Account for each event that the api sent: it is in the files, or in a gap that they tell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import NamedTuple

from tools.recording.files import BOOKS, Content, FileEvent
from tools.recording.witness import Place

_MAX_NAMED = 3


class Gap(NamedTuple):
    """Missing events of a book: those after one position and before another."""

    after: tuple[int, int]
    before: tuple[int, int]

    def has(self, position: tuple[int, int]) -> bool:
        """Return whether a position is in the gap."""
        return self.after < position < self.before


@dataclass
class FilesAudit:
    """The comparison of a recording with what the api sent."""

    events: int = 0
    """The numbered events in the files."""
    gaps: dict[str, list[Gap]] = field(default_factory=dict)
    in_gaps: int = 0
    """Events that the api sent and that lie in a gap."""
    broken: list[str] = field(default_factory=list)


def gaps_in(events: Iterable[FileEvent]) -> Iterator[Gap]:
    """Yield the gaps of a book: where a `lagged` or a snapshot jumps over uncounted events.

    Raises:
        ValueError: Another event jumps, or an event comes twice or out of order.

    """
    last: tuple[int, int] | None = None
    is_told = False
    for event in events:
        position = event.position
        if position is None:
            is_told = is_told or event.content.kind == "lagged"
            continue
        if last is not None:
            if position <= last and not (is_told or _is_made_by_api(event)):
                raise ValueError(f"event {position} comes after {last}")
            if position > last and _is_made_by_api(event):
                # The event of this position is missing too, only its book is there.
                yield Gap(last, (position[0], position[1] + 1))
            elif position > last and position[1] != last[1] + 1 + event.conflated:
                if not is_told and event.content.kind != "snapshot":
                    raise ValueError(f"event {position} comes after {last}")
                yield Gap(last, position)
        last, is_told = max(position, last or position), False


def audit_files(
    recorded: Mapping[str, Sequence[FileEvent]], seen: Mapping[Place, Content]
) -> FilesAudit:
    """Return the comparison of recorded events with those that a witness saw."""
    audit = FilesAudit()
    contents: dict[Place, Content] = {}
    for symbol, events in recorded.items():
        try:
            audit.gaps[symbol] = list(gaps_in(events))
        except ValueError as error:
            audit.broken.append(f"{symbol}: {error}")
        contents |= {
            (symbol, *position): event.content
            for event in events
            if (position := event.position) is not None and not _is_made_by_api(event)
        }
    audit.events = len(contents)
    for place, content in seen.items():
        symbol, epoch, seq = place
        if place in contents:
            if not content.leads_to_same_book(contents[place]):
                audit.broken.append(f"event {place}: sent {content}, recorded {contents[place]}")
        elif any(gap.has((epoch, seq)) for gap in audit.gaps.get(symbol, ())):
            audit.in_gaps += 1
        else:
            audit.broken.append(f"event {place} is neither recorded nor in a gap")
    return audit


def differences(
    first: Mapping[str, Sequence[FileEvent]], second: Mapping[str, Sequence[FileEvent]]
) -> Iterator[str]:
    """Yield where two recordings differ in snapshots and updates, apart from their numbers."""
    for symbol in sorted(first.keys() | second.keys()):
        pairs = zip_longest(_books_of(first.get(symbol, ())), _books_of(second.get(symbol, ())))
        differing = [pair for pair in pairs if pair[0] != pair[1]]
        for one, other in differing[:_MAX_NAMED]:
            yield f"{symbol}: recorded {one}, replayed {other}"
        if len(differing) > _MAX_NAMED:
            yield f"{symbol}: {len(differing) - _MAX_NAMED} more differ"


def _books_of(events: Iterable[FileEvent]) -> Iterator[tuple[object, ...]]:
    for event in events:
        if event.content.kind in BOOKS:
            is_update = event.content.kind == "update"
            yield event.content, event.exchange_time, event.received_at if is_update else None


def _is_made_by_api(event: FileEvent) -> bool:
    """Return whether it is a snapshot that opened a stream: it repeats a position."""
    return event.content.kind == "snapshot" and event.received_at is None
