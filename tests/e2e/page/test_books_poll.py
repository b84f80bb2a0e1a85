"""The page's requests of /books that fail, run in Node."""

from __future__ import annotations

import pytest

from lab.node import run_in_node

SCRIPT = """
    globalThis.fetch = async () => new Response(new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode("[{"))
        controller.error(given ? new DOMException("late", "TimeoutError") : new TypeError("lost"))
      },
    }))
    const { BooksPoll } = await load("data/poll.js")
    return await new Promise((resolve) => {
      const poll = new BooksPoll(resolve, (why) => { poll.stop(); resolve(why) })
      poll.start()
    })
"""


@pytest.mark.parametrize(
    ("is_timeout", "why"),
    [(True, "The server does not respond"), (False, "The server cannot be reached")],
)
def test_response_that_breaks_off_is_not_called_that_of_another_program(
    is_timeout: bool, why: str
) -> None:
    assert run_in_node(SCRIPT, is_timeout).startswith(why)
