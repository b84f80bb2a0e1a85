"""Delays of events are measured, and unknown ones are counted apart."""

from __future__ import annotations

from time import monotonic, time_ns

import pytest
from prometheus_client import REGISTRY

from api.delivery.latency import observe_latency
from kraken_book.timestamps import rfc3339


def observed_seconds() -> float:
    return REGISTRY.get_sample_value("kraken_book_delivery_seconds_sum") or 0.0


def unmeasured() -> float:
    return REGISTRY.get_sample_value("kraken_book_delivery_unmeasured_total") or 0.0


@pytest.mark.parametrize(
    "received_at",
    ["10000-01-01T00:00:00.000000Z", "yesterday", "2026-08-02T03:35:51.66\u0660084Z", "", "ahead"],
)
def test_unknown_delay_is_counted_as_unmeasured(received_at: str) -> None:
    if received_at == "ahead":
        received_at = rfc3339(time_ns() + 60 * 10**9)
    seconds, count = observed_seconds(), unmeasured()
    assert observe_latency(f'{{"received_at":"{received_at}"}}'.encode(), "BTC/USD", 0.0)
    assert (observed_seconds(), unmeasured()) == (seconds, count + 1)


def test_known_delay_is_observed() -> None:
    seconds = observed_seconds()
    assert observe_latency(
        f'{{"received_at":"{rfc3339(time_ns() - 10**9)}"}}'.encode(), "BTC/USD", 0.0
    )
    assert observed_seconds() >= seconds + 1


def test_comment_has_no_delay() -> None:
    assert not observe_latency(b": \n\n", "BTC/USD", 0.0)


def exemplars(name: str) -> list[dict[str, str]]:
    """Return the labels of the exemplars of a histogram."""
    return [
        sample.exemplar.labels
        for family in REGISTRY.collect()
        if family.name == name
        for sample in family.samples
        if sample.exemplar
    ]


def test_measured_write_names_its_last_event_as_exemplar() -> None:
    now = rfc3339(time_ns())
    events = b"".join(
        f'id: 17-{seq}\ndata: {{"received_at":"{now}"}}\n\n'.encode() for seq in (4, 5)
    )
    assert observe_latency(events, "ETH/EUR", monotonic())
    named = {"symbol": "ETH/EUR", "event_id": "17-5"}
    assert named in exemplars("kraken_book_delivery_seconds")
    assert named in exemplars("kraken_book_send_seconds")


@pytest.mark.parametrize(
    ("symbol", "event"),
    [
        ("*", b'id: 99\ndata: {"received_at":"%b"}\n\n'),
        ("SOL/USD", b'data: {"received_at":"%b"}\n\n'),
    ],
)
def test_event_without_an_id_of_its_own_is_no_exemplar(symbol: str, event: bytes) -> None:
    before = exemplars("kraken_book_send_seconds")
    assert observe_latency(event % rfc3339(time_ns()).encode(), symbol, monotonic())
    assert exemplars("kraken_book_send_seconds") == before
