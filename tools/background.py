"""The base of work in a thread beside a tool."""

from __future__ import annotations

import threading
from typing import Self

JOIN_TIMEOUT = 20.0


class BackgroundThread:
    """A thread that starts and ends with a context; subclasses implement `run`.

    If `run` has failed, the end of the context fails with AssertionError: what the thread counts or
    samples would be incomplete, and a promise would seem to be held.

    Attributes:
        stopping: An event that is set at the end of the context, at which `run` must return.

    """

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run_noting_failure, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self.stopping.set()
        self._thread.join(JOIN_TIMEOUT)
        # An error of the context is more important.
        if self._failure is not None and kind is None:
            name = type(self).__name__
            raise AssertionError(f"the thread of {name} has failed: {self._failure!r}")

    def run(self) -> None:
        """Work until `stopping` is set."""
        raise NotImplementedError

    def _run_noting_failure(self) -> None:
        try:
            self.run()
        except Exception as error:  # noqa: BLE001 - reported at the end of the context
            self._failure = error
