"""The address and the key: which are valid, and how requests use them."""

from __future__ import annotations

import pytest

from kraken_book import watch
from lab.canned_api import HOLD, CannedApi, answer, problem, sse_events, stream
from lab.written_books import SYMBOL, snapshot
from tests.kraken_book.client.reader import live_at, quick_watch, read_until


@pytest.mark.parametrize("url", ["localhost:3000", "ftp://x", "http://", "", "http://[::1", "x"])
def test_invalid_url_is_refused_before_any_request(url: str) -> None:
    with pytest.raises(ValueError, match=r"is not (a|the) URL"):
        watch(url, SYMBOL)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("localhost:3000", "is not the URL of an api: use one such as http://localhost:3000"),
        ("localhost:3001", "use one such as http://localhost:3001"),
        (
            "http://u:secret@localhost:3000?x=1",
            "without '\\?' and '#', such as http://localhost:3000$",
        ),
        ("http://u:secret@h/a/stream?symbols=*", "such as http://h/a$"),
        ("http://u:secret@h/#/BTC/USD", "such as http://h$"),
        ("BTC/USD", "such as http://localhost:3000; the URL comes before the symbols"),
        ("http://u:secret@localhost:x", "is not a URL"),
        ("u:secret@localhost:3000", "is not the URL"),
        ("http://u:secret@localhost:99999", "use a port from 1 to 65535"),
    ],
)
def test_error_about_a_url_hides_its_password(url: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        watch(url, SYMBOL)
    assert "secret" not in str(caught.value)


def test_url_of_another_type_is_refused() -> None:
    with pytest.raises(TypeError, match="not the URL of an api"):
        watch(None, SYMBOL)  # type: ignore[arg-type]


@pytest.mark.parametrize("key", ["", "sécret", "se\ncret", "se cret"])
def test_error_about_a_key_hides_the_key(key: str) -> None:
    with pytest.raises(ValueError, match="the key is invalid") as caught:
        watch("http://localhost:3000", SYMBOL, key=key)
    assert "cret" not in str(caught.value)


def test_path_and_user_of_a_url_are_kept_and_the_password_is_not_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with CannedApi(problem(503), stream(sse_events(snapshot(3)), HOLD)) as api:
        url = api.url.replace("http://", "http://me:secret@") + "/books/live/"
        assert next(iter(quick_watch(url))).is_live
    assert api.requests[1].target == "/books/live/stream/BTC%2FUSD"
    assert api.requests[1].headers["authorization"].startswith("Basic ")
    assert "no stream" in caplog.text
    assert "secret" not in caplog.text


def test_key_is_sent_as_a_bearer_token() -> None:
    with CannedApi(stream(sse_events(snapshot(3)), HOLD)) as api:
        assert next(iter(watch(api.url, SYMBOL, key="secret"))).symbol == SYMBOL
    assert api.requests[0].headers["authorization"] == "Bearer secret"


def test_compressed_answers_are_not_requested() -> None:
    with CannedApi(stream(sse_events(snapshot(3)), HOLD)) as api:
        read_until(api, live_at(3))
    assert api.requests[0].headers["accept-encoding"] == "identity"


def test_redirect_is_followed() -> None:
    with CannedApi(stream(sse_events(snapshot(3)), HOLD)) as there:
        moved = answer(307, b"", f"location: {there.url}/stream/BTC%2FUSD")
        with CannedApi(moved) as api:
            assert read_until(api, live_at(3)) == ["live 3"]


def test_this_machine_is_not_requested_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with CannedApi(stream(sse_events(snapshot(3)), HOLD)) as api:
        assert read_until(api, live_at(3)) == ["live 3"]
