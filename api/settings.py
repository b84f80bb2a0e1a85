"""The api's settings; the README lists them for people."""

from __future__ import annotations

from service.settings import Port, Seconds, ServiceSettings


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
