"""Errors of the feed about one symbol harm no other symbol."""

from __future__ import annotations

import json
from typing import Any

from lab.scripted_kraken import ScriptedKraken, _Client
from lab.stage import Stage
from lab.waiting import wait_until

BAD = "XDG/USD"


class RefusesBatches(ScriptedKraken):
    """A scripted Kraken that refuses each request with `BAD` and does not name the symbol."""

    def _answer(self, client: _Client, request: dict[str, Any]) -> None:
        if request["method"] == "subscribe" and BAD in request["params"].get("symbol", ()):
            answer = {"method": "subscribe", "success": False, "error": "EQuery:Invalid request"}
            client.send(json.dumps({**answer, "req_id": request["req_id"]}))
            return
        super()._answer(client, request)


def test_poisonous_symbol_delays_others_by_seconds_only(
    stage: Stage,
) -> None:
    good = [f"C{number}/USD" for number in range(6)]
    with RefusesBatches([*good, BAD]) as kraken:
        collector = stage.collector(
            stage.redis().url, kraken.url, KRAKEN_SYMBOLS=",".join([*good[:3], BAD, *good[3:]])
        )
        collector.wait_until_live(len(good))
        line = collector.wait_for_line("kraken refused request", symbols=[BAD])
        assert line["error"] == "EQuery:Invalid request"


def test_flood_of_garbage_makes_little_log_and_harms_no_book(stage: Stage) -> None:
    with ScriptedKraken(["BTC/USD"]) as kraken:
        collector = stage.collector(stage.redis().url, kraken.url, KRAKEN_SYMBOLS="BTC/USD")
        collector.wait_until_live(1)
        for _ in range(3000):
            kraken.send("x" * 1000)
        bad = "kraken_book_bad_frames_total"
        wait_until(lambda: collector.metric(bad) >= 3000, "all garbage was read")
        collector.wait_until_live(1)
        assert collector.metric("kraken_book_mismatches_total") == 0
        assert len(collector.log) < 50_000
