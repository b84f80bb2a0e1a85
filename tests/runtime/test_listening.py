"""The listening socket of a service and the errors of its address."""

from __future__ import annotations

import pytest

from runtime.listening import PortInUse, listen


def test_listen_on_port_in_use_names_the_setting() -> None:
    with listen("127.0.0.1", 0, "API_PORT") as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortInUse) as caught:
            listen("127.0.0.1", port, "API_PORT")
    message = str(caught.value)
    assert message.startswith(f"API_PORT={port}: cannot listen on 127.0.0.1:{port}")
    assert "set API_PORT to a free port" in message


def test_listen_on_foreign_address_names_the_setting() -> None:
    with pytest.raises(PortInUse, match="COLLECTOR_PORT=9820: cannot listen on 192"):
        listen("192.0.2.1", 9820, "COLLECTOR_PORT")


def test_listen_on_unknown_host_names_the_setting() -> None:
    with pytest.raises(PortInUse, match="API_PORT=3000"):
        listen("no such host.invalid", 3000, "API_PORT")


def test_port_is_free_when_its_listener_is_closed() -> None:
    with listen("127.0.0.1", 0, "API_PORT") as first:
        port = first.getsockname()[1]
    with listen("127.0.0.1", port, "API_PORT") as second:
        assert second.getsockname()[1] == port
