"""The api's settings; the README lists them for people."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from api.http.proxies import TrustedProxies
from runtime.settings import Port, Seconds, ServiceSettings, parsed_by


class ApiSettings(ServiceSettings):
    """What `python -m api` takes from the environment; times are seconds."""

    api_host: str = "127.0.0.1"
    """address to listen on"""
    api_port: Port = 3000
    """port to listen on"""
    api_max_age: Seconds = 10.0
    """seconds without a confirmation after which a book is not served as live"""
    api_write_timeout: Seconds = 30.0
    """seconds after which a client that does not read is cut off"""
    api_drain: Seconds = 5.0
    """seconds that a stop may take"""
    api_buffer_mb: Annotated[int, Field(ge=16, le=1_000_000)] = 256
    """MiB of events and books that are kept for open streams, all together"""
    # Longer than the load balancers keep theirs, the longest of which is Google's 600 s: whichever
    # end closes first, the other one may send a request into a connection that is closed.
    api_keep_alive: Seconds = 620.0
    """seconds that a connection without a request is kept"""
    api_trusted_proxies: Annotated[TrustedProxies, parsed_by(TrustedProxies.parse)] = (
        TrustedProxies()
    )
    """addresses and networks of proxies whose X-Forwarded-For is believed"""
