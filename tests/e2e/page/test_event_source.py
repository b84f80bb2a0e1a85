"""A browser's EventSource after errors, and the documentation's lines that go on after them."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from lab.canned_api import HOLD, Answer, CannedApi, answer, problem, sse_events, stream
from lab.chromium import find_chromium
from lab.waiting import wait_until
from lab.written_books import snapshot, update
from tests.e2e.doc_examples import EVENT_SOURCE

pytestmark = pytest.mark.skipif(find_chromium() is None, reason="no chromium or chrome on the PATH")

PAGE = answer(200, b"<!doctype html><link rel=icon href=data:,>", "content-type: text/html")
RESUMABLE = stream(b"retry: 1\n\n", sse_events(snapshot(3)))
PAUSE_MS = 3000
STATE_AFTER_ERROR = """(url) => new Promise((resolve) => {
  const source = new EventSource(url)
  source.onerror = () => { resolve(source.readyState); source.close() }
})"""
CONNECTING, CLOSED = 0, 2


@pytest.mark.parametrize(
    ("after", "state"),
    [
        (problem(503), CLOSED),
        (problem(429), CLOSED),
        (problem(401), CLOSED),
        (RESUMABLE, CONNECTING),
    ],
    ids=["503", "429", "401", "end of a stream"],
)
def test_event_source_closes_for_good_after_an_error_status_only(
    browser: Browser, after: Answer, state: int
) -> None:
    with CannedApi(PAGE, after) as api, browser.new_page() as page:
        page.goto(api.url)
        assert page.evaluate(STATE_AFTER_ERROR, f"{api.url}/stream/BTC%2FUSD") == state


def test_lines_of_the_documentation_resume_after_a_503(browser: Browser) -> None:
    resumed = stream(sse_events(update(4)), HOLD)
    with CannedApi(PAGE, RESUMABLE, problem(503), resumed) as api, browser.new_page() as page:
        page.clock.install()
        lines: list[str] = []
        page.on("console", lambda message: lines.append(message.text))
        page.goto(api.url)
        page.add_script_tag(content=EVENT_SOURCE.replace("http://localhost:3000", api.url))
        # The browser resumes by itself after the stream, and then gets the 503.
        wait_until(lambda: len(api.requests) == 3, "the browser has asked again")
        assert api.requests[2].headers["last-event-id"] == "1000-3"

        def resumes() -> bool:
            page.clock.run_for(PAUSE_MS)
            return "update" in lines

        wait_until(resumes, "the lines have opened another stream")
        assert lines[0] == "snapshot"
        assert [each.target for each in api.requests[3:]] == [
            "/stream/BTC%2FUSD?last_event_id=1000-3"
        ]
