"""The api's settings. The docstrings of the fields are the texts of `--help`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_settings import NoDecode

from api.access.jwt_source import JwtSource
from api.http.proxies import TrustedProxies
from api.http.web_settings import AllowedHosts, CorsOrigins, parse_root_path
from kraken_book.access_keys import KeyLimits
from runtime.redis.url import check_redis_url
from runtime.settings import Port, Seconds, ServiceSettings, parsed_by

Limit = Annotated[int, Field(ge=1, le=1_000_000_000)]


def _checked_url(url: str | None) -> str | None:
    return None if url is None else check_redis_url(url)


class ApiSettings(ServiceSettings):
    """Environment variables of `python -m api`; times are in seconds."""

    HIDDEN = frozenset({"api_jwt"})

    api_host: str = "127.0.0.1"
    """address to listen on"""
    api_port: Port = 3000
    """port to listen on"""
    api_max_age: Seconds = 10.0
    """seconds without a confirmation after which a book is stale"""
    api_write_timeout: Seconds = 30.0
    """seconds after which a client that does not read is cut off"""
    api_drain: Seconds = 5.0
    """seconds that a stop may take"""
    api_buffer_mb: Annotated[int, Field(ge=16, le=1_000_000)] = 256
    """MiB of events and books that are kept for all open streams together"""
    # Longer than any load balancer keeps an idle connection (Google's: 600 s). If the api closed
    # first, a balancer could send a request on a connection that is already closed.
    api_keep_alive: Seconds = 620.0
    """seconds after which an idle connection is closed"""
    api_trusted_proxies: Annotated[TrustedProxies, parsed_by(TrustedProxies.parse)] = (
        TrustedProxies()
    )
    """addresses and networks of the proxies that are trusted to write X-Forwarded-For"""
    api_keys_file: Path | None = None
    """file of the keys that the api accepts; `kraken-book keys` writes it"""
    api_jwt: Annotated[JwtSource | None, NoDecode, parsed_by(JwtSource.parse)] = None
    """accept tokens: hs256:FILE, jwks:FILE or the https:// address of a key set"""
    api_jwt_audience: str | None = None
    """audience that each token must name"""
    api_access_redis_url: Annotated[str | None, AfterValidator(_checked_url)] = None
    """Redis for tickets and limits, which must accept writes; REDIS_URL if unset"""
    api_limit_requests: Limit | None = None
    """requests a minute of one key or address, in all replicas together"""
    api_limit_streams: Limit | None = None
    """streams that one key or address may have open, in all replicas together"""
    api_limit_symbols: Limit | None = None
    """symbols that one stream may have"""
    api_limit_views: Limit | None = None
    """choices of symbols and view that one key or address may read at once in one replica"""
    api_limit_resumes: Limit | None = None
    """resumes a minute of one key or address for which Redis must be read"""
    api_limit_denials: Limit | None = None
    """requests a minute without a valid key of one address; API_LIMIT_REQUESTS if unset"""
    api_max_streams: Limit = 50_000
    """streams that this replica may have open"""
    api_max_connections: Limit | None = None
    """connections that this replica accepts; if unset, as many as open files permit"""
    api_hosts: Annotated[AllowedHosts | None, NoDecode, parsed_by(AllowedHosts.parse)] = None
    """hosts that requests may name; if unset, any, or local names if API_HOST is loopback"""
    api_cors_origins: Annotated[CorsOrigins | None, NoDecode, parsed_by(CorsOrigins.parse)] = None
    """origins whose pages may read the api, such as https://app.example.com, or *"""
    api_root_path: Annotated[str, parsed_by(parse_root_path)] = ""
    """path below which a proxy serves the api, such as /kraken"""
    api_ops_host: str = "127.0.0.1"
    """address of API_OPS_PORT"""
    api_ops_port: Port | None = None
    """port of /healthz, /readyz and /metrics; if unset, they are on API_PORT"""

    @property
    def denial_limit(self) -> int | None:
        """The denied requests a minute of one address; None for no limit."""
        return self.api_limit_denials or self.api_limit_requests

    @property
    def limits(self) -> KeyLimits:
        """The limits of callers whose key has none of its own."""
        return KeyLimits(
            self.api_limit_requests,
            self.api_limit_streams,
            self.api_limit_symbols,
            self.api_limit_views,
            self.api_limit_resumes,
        )
