"""Follow the stream of an api, and record it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from time import time
from typing import NamedTuple

from kraken_book.client.watching import Watch
from kraken_book.recording.recorder import Recorder, Step

__all__ = ["Limits", "Recording"]

log = logging.getLogger("kraken_book.recording")

# After a kill, at most the events of this time are not in the files; a resumed stream has them.
FLUSH_INTERVAL = 0.5
# If so many rows wait for the disk, the stream waits as well.
MAX_WAITING_ROWS = 500_000
DAY = 86_400


class Limits(NamedTuple):
    """When the book files are finished and others begun.

    Attributes:
        seconds: The time of a file; files also end at midnight UTC.
        bytes: The size of the journal, which is about that of all files together.
    """

    seconds: int
    bytes: int


class Recording:
    """One run of the recorder: a stream, and the folder that it is written to.

    Args:
        recorder: Writes the folder; `recover` has been called.
        books: The stream.
        limits: When files end.
    """

    def __init__(self, recorder: Recorder, books: Watch, limits: Limits) -> None:
        self._recorder = recorder
        self._books = books
        self._limits = limits
        self._period = self._period_now()
        self._writing = asyncio.Lock()
        self._refused = self._text_quantities = 0
        self.finished_files = 0
        """The number of finished files."""

    async def run(self) -> None:
        """Record until the task is cancelled; raise the error of the stream or the disk."""
        tasks = [asyncio.create_task(each) for each in (self._flush_often(), self._follow())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            task.result()

    async def _follow(self) -> None:
        async with self._books as books:
            async for book in books:
                self._recorder.record(book, books.last_id)
                if self._recorder.waiting_rows >= MAX_WAITING_ROWS:
                    await self._flush()

    async def _flush_often(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_INTERVAL)
            await self._flush()

    async def _flush(self) -> None:
        async with self._writing:
            steps = self._recorder.take_steps(ends_part=self._is_part_over())
            writing = asyncio.ensure_future(asyncio.to_thread(self._write, steps))
            try:
                await asyncio.shield(writing)
            finally:
                # A write that has begun must end before the next one, also if this task is
                # cancelled.
                await asyncio.wait([writing])
        self._report_refused()

    def _write(self, steps: Sequence[Step]) -> None:
        self.finished_files += len(self._recorder.write(steps))

    def _is_part_over(self) -> bool:
        period, before = self._period_now(), self._period
        self._period = period
        return period != before or self._recorder.journal_size >= self._limits.bytes

    def _period_now(self) -> tuple[int, int]:
        now = int(time())
        return now // DAY, now // self._limits.seconds

    def _report_refused(self) -> None:
        """Log numbers that do not fit into the columns."""
        recorder = self._recorder
        if recorder.refused > self._refused:
            self._refused = recorder.refused
            log.error("%s events refused: a price does not fit into int64", recorder.refused)
        if recorder.text_quantities > self._text_quantities:
            self._text_quantities = recorder.text_quantities
            log.error(
                "%s quantities do not fit into int64: they are in the column qty_text, without"
                " qty_lots",
                recorder.text_quantities,
            )
