"""Free ports: never one of another worker, and never the same twice in a row."""

from __future__ import annotations

import itertools
import socket

import pytest

from lab.ports import PORTS, SHARES, WORKER_VARIABLE, free_port


def test_workers_have_ports_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    shares = []
    for number in range(SHARES):
        monkeypatch.setenv(WORKER_VARIABLE, str(number))
        ports = {free_port() for _ in range(20)}
        assert len(ports) == 20
        shares.append((min(ports), max(ports)))
    assert all(low in PORTS and high in PORTS for low, high in shares)
    assert all(before[1] < after[0] for before, after in itertools.pairwise(shares))


def test_port_in_use_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(WORKER_VARIABLE, "15")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", free_port()))
        assert taken.getsockname()[1] not in {free_port() for _ in range(100)}
