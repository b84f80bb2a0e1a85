"""The api's settings; the README lists them for people."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from service.settings import Port, Seconds, ServiceSettings


class ApiSettings(ServiceSettings):
    """What `python -m api` takes from the environment; times are seconds."""

    api_host: str = "127.0.0.1"
    api_port: Port = 3000
    api_max_age: Seconds = 10.0
    api_write_timeout: Seconds = 30.0
    api_drain: Seconds = 5.0
    api_buffer_mb: Annotated[int, Field(ge=16, le=1_000_000)] = 256
