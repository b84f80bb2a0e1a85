"""Keys, tokens and tickets at two replicas: what they open, when they end, and that none leaks."""

from __future__ import annotations

from pathlib import Path
from time import time
from typing import Any

import httpx
import jwt
import pytest

from kraken_book import UnknownSymbol, WrongKey, get_book, get_symbols, watch
from kraken_book.command_line import main
from lab.services import Api
from lab.sse.stream import SseStream, StreamRefusedError
from lab.stage import Stage
from lab.waiting import wait_until

SECRET = "0123456789abcdef0123456789abcdef"
SYMBOLS = "BTC/USD,ETH/USD"


class AccessScene:
    """Two replicas that need keys, with all secrets that a test has used."""

    def __init__(self, stage: Stage, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.keys_file = folder / "keys.json"
        self.secrets = [SECRET]
        self.answers: list[str] = []
        self.btc = self.add_key("btc", "--symbols", "BTC/*")
        self.all = self.add_key("all")
        self.secret_file = folder / "secret"
        self.secret_file.write_text(SECRET)
        redis = stage.redis()
        simulator = stage.simulator("--rate", "50")
        collector = stage.collector(redis.url, simulator.url, KRAKEN_SYMBOLS=SYMBOLS)
        collector.wait_until_live(2)
        self.replicas = [
            stage.api(
                redis.url,
                API_KEYS_FILE=str(self.keys_file),
                API_JWT=f"hs256:{self.secret_file}",
                LOG_LEVEL="debug",
                LOG_FORMAT=form,
            )
            for form in ("json", "console")
        ]

    def add_key(self, name: str, *arguments: str) -> str:
        """Add a key to the file, and return it."""
        assert main(["keys", "--file", str(self.keys_file), "add", name, *arguments]) == 0
        return self.hide(self._capsys.readouterr().out.strip())

    def hide(self, secret: str) -> str:
        """Note a secret that nothing may show."""
        self.secrets.append(secret)
        return secret

    def token(self, **claims: Any) -> str:
        """Return a signed token."""
        full = {"exp": time() + 600, "symbols": "*", **claims}
        return self.hide(jwt.encode(full, SECRET, "HS256"))

    def ask(self, api: Api, method: str, path: str, key: str | None = None) -> httpx.Response:
        """Return an answer, and keep its head and body."""
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        answer = httpx.request(
            method, f"{api.url}{path}", headers=headers, trust_env=False, verify=False
        )
        # Only an issued ticket may be in an answer, and only in that one.
        if answer.status_code != 201:
            self.answers.append(f"{answer.headers}\n{answer.text}")
        return answer

    def ticket(self, api: Api, key: str) -> str:
        """Return a ticket of a replica."""
        answer = self.ask(api, "POST", "/tickets", key)
        assert answer.status_code == 201, answer.text
        return self.hide(answer.json()["ticket"])

    def revoke(self, name: str) -> None:
        """Revoke a key by the command."""
        assert main(["keys", "--file", str(self.keys_file), "revoke", name]) == 0


@pytest.fixture
def scene(stage: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> AccessScene:
    return AccessScene(stage, tmp_path, capsys)


def test_keys_open_and_end_streams_on_every_replica_and_never_leak(
    scene: AccessScene, stage: Stage
) -> None:
    first, second = scene.replicas
    # Where a key or token is, and what it may see.
    assert scene.ask(first, "GET", "/depth/BTC/USD").status_code == 401
    assert scene.ask(first, "GET", "/depth/BTC/USD", scene.hide("kb_wrong")).status_code == 401
    assert scene.ask(second, "GET", "/depth/BTC/USD", scene.btc).status_code == 200
    assert scene.ask(second, "GET", "/depth/ETH/USD", scene.btc).status_code == 404
    assert scene.ask(first, "GET", "/symbols", scene.token(symbols=["ETH/*"])).json() == ["ETH/USD"]
    expired = scene.token(exp=time() - 600)
    assert scene.ask(first, "GET", "/symbols", expired).status_code == 401
    assert scene.ask(first, "GET", f"/symbols?key={scene.all}").status_code == 401

    # The client says which of these it is.
    assert get_book(first.url, "BTC/USD", key=scene.btc).is_live
    assert get_symbols(first.url, key=scene.btc) == ["BTC/USD"]
    for key, reason in ((None, "missing"), ("kb_wrong", "unknown"), (expired, "expired")):
        with pytest.raises(WrongKey) as wrong:
            get_symbols(first.url, key=key)
        assert wrong.value.reason == wrong.value.code == f"key-{reason}"
        scene.answers.append(repr(wrong.value))
    with pytest.raises(UnknownSymbol) as hidden:
        get_book(first.url, "ETH/USD", key=scene.btc)
    assert "ETH/USD" not in hidden.value.symbols

    # A ticket of one replica opens one stream on the other.
    ticket = scene.ticket(first, scene.btc)
    path = f"/stream?symbols=*&ticket={ticket}"
    with SseStream(second.url, path) as stream:
        events = stream.events()
        assert next(events)[1]["symbol"] == "BTC/USD"
        with pytest.raises(StreamRefusedError) as refused:
            SseStream(second.url, path)
        assert refused.value.status == 401
        scene.answers.append(f"{refused.value.headers}{refused.value.body!r}")

        # A revoked key ends the stream with the farewell, and sends nothing of other symbols.
        scene.revoke("btc")
        rest = list(stream.messages())
        assert rest[-1].retry is not None
        assert {block.event["symbol"] for block in rest if block.data} <= {"BTC/USD"}
    wait_until(
        lambda: scene.ask(first, "GET", "/symbols", scene.btc).status_code == 401,
        "both replicas have read the file again",
    )

    # A token ends its stream at its expiry; the client then says why it cannot return.
    books = watch(first.url, "ETH/USD", key=scene.token(exp=time() + 2))
    with pytest.raises(WrongKey) as ended:
        list(books)
    assert set(books.books) == {"ETH/USD"}
    scene.answers.append(repr(ended.value))

    metrics = scene.ask(first, "GET", "/metrics", scene.all)
    assert 'kraken_book_denied_total{code="key-expired"}' in metrics.text
    written = "\n".join([*scene.answers, *(service.log for service in stage.services)])
    assert "key file read" in written
    for secret in scene.secrets:
        assert secret not in written
        # Nor a part of one that would help to find the rest.
        assert secret[3:15] not in written


def test_broken_files_keep_the_old_keys_and_are_logged(scene: AccessScene) -> None:
    first, _ = scene.replicas
    # In one step, because an api may read a file while it is written.
    for file, text in ((scene.keys_file, "{"), (scene.secret_file, "short")):
        broken = file.with_suffix(".broken")
        broken.write_text(text)
        broken.replace(file)
    first.wait_for_line("key file invalid, old keys stay", count=2)
    assert "the secret has 5 bytes, and at least 32 are needed" in first.log
    for old in (scene.btc, scene.token()):
        assert scene.ask(first, "GET", "/symbols", old).status_code == 200
    metrics = scene.ask(first, "GET", "/metrics", scene.all).text
    assert "kraken_book_key_file_up 0.0" in metrics
    assert "kraken_book_token_keys_up 0.0" in metrics


def test_new_secret_of_tokens_counts_without_a_restart(scene: AccessScene) -> None:
    secret = scene.hide("fedcba9876543210fedcba9876543210")
    new = jwt.encode({"exp": time() + 600, "symbols": "*"}, secret, "HS256")
    old = scene.token()
    headers = {"Authorization": f"Bearer {old}"}
    stream = SseStream(scene.replicas[0].url, "/stream/BTC/USD", headers)
    scene.secret_file.write_text(secret)
    for api in scene.replicas:
        wait_until(
            lambda api=api: scene.ask(api, "GET", "/symbols", new).status_code == 200,  # type: ignore[misc]
            "the replica has read the new secret",
        )
        assert scene.ask(api, "GET", "/symbols", old).status_code == 401
    # The stream of the old token ends with the farewell.
    with stream:
        assert list(stream.messages())[-1].retry is not None


def test_ticket_works_after_the_replica_that_issued_it_was_killed(scene: AccessScene) -> None:
    first, second = scene.replicas
    ticket = scene.ticket(first, scene.btc)
    first.kill()
    with SseStream(second.url, f"/stream/BTC/USD?ticket={ticket}") as stream:
        assert next(stream.events())[1]["kind"] == "snapshot"
