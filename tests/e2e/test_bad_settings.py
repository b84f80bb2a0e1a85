"""A service with a wrong setting ends with one line: the variable, and the allowed values."""

from __future__ import annotations

import socket

import pytest

from lab.ports import free_port
from lab.process import Process
from lab.stage import Stage

pytestmark = pytest.mark.python_m

COLLECTORS = [
    ("KRAKEN_DEPTH", "27", "10, 25, 100, 500, 1000"),
    ("KRAKEN_SYMBOLS", "BTC-USD;ETH", "such as BTC/USD"),
    ("REDIS_URL", "http://x", "redis://"),
    ("KRAKEN_URL", "http://x", "ws://"),
    ("COLLECTOR_PORT", "0", "greater than or equal to 1"),
    ("COLLECTOR_SHARD", "8/8", "0 to n - 1"),
    ("STREAM_MAXLEN", "many", "integer"),
    ("LOG_LEVEL", "loud", "info"),
]
APIS = [
    ("API_PORT", "abc", "integer"),
    ("REDIS_URL", "redis+sentinel://h:1,h:2", "name of the master is missing"),
    ("API_MAX_AGE", "-1", "greater than 0"),
    ("API_HOSTS", "https://books.example.com", "such as books.example.com"),
    ("API_CORS_ORIGINS", "app.example.com", "such as https://app.example.com"),
    ("API_ROOT_PATH", "kraken", "such as /kraken"),
]


def refusals(service: Process) -> list[str]:
    """Return the output of a service that ends immediately."""
    assert service.wait_for_end() != 0
    return service.log.splitlines()


@pytest.mark.parametrize(
    ("module", "variable", "value", "expected"),
    [
        *(("collector", *wrong) for wrong in COLLECTORS[:3]),
        ("api", *APIS[0]),
    ],
)
def test_wrong_setting_is_refused_in_one_line_with_its_name(
    stage: Stage, module: str, variable: str, value: str, expected: str
) -> None:
    (line,) = refusals(stage.refused(module, **{variable: value}))
    assert line.startswith(f"{variable}={value}: ")
    assert expected in line


@pytest.mark.parametrize(("module", "wrong"), [("collector", COLLECTORS), ("api", APIS)])
def test_each_wrong_setting_gets_one_line(
    stage: Stage, module: str, wrong: list[tuple[str, str, str]]
) -> None:
    given = {variable: value for variable, value, _ in wrong}
    lines = refusals(stage.refused(module, **given))
    assert len(lines) == len(wrong), lines
    for variable, value, expected in wrong:
        (line,) = (line for line in lines if line.startswith(f"{variable}={value}: "))
        assert expected in line


@pytest.mark.parametrize(
    ("module", "variable"),
    [("collector", "COLLECTOR_PORT"), ("api", "API_PORT"), ("api", "API_OPS_PORT")],
)
def test_port_in_use_is_reported_in_one_line(stage: Stage, module: str, variable: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        ports = {"API_PORT": str(free_port()), variable: port}
        (line,) = refusals(stage.refused(module, **ports))
    assert line.startswith(f"{variable}={port}: ")
    assert "free port" in line
