"""The base of work in a thread beside a tool."""

from __future__ import annotations

import threading
from typing import Self

JOIN_TIMEOUT = 20.0


class BackgroundThread:
    """A thread that starts and ends with a context; subclasses implement `run`.

    Attributes:
        stopping: An event that is set at the end of the context, at which `run` must return.

    """

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self._thread = threading.Thread(target=self.run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self._thread.join(JOIN_TIMEOUT)

    def run(self) -> None:
        """Work until `stopping` is set."""
        raise NotImplementedError
