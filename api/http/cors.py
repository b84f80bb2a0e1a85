"""Permit pages of other origins to read the api (CORS)."""

from __future__ import annotations

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from api.http.web_settings import CorsOrigins

_METHODS = ("GET", "HEAD", "OPTIONS", "POST")
_REQUEST_HEADERS = (
    "Authorization",
    # Sent by libraries that replace a browser's EventSource.
    "Cache-Control",
    "If-None-Match",
    "Last-Event-ID",
    "X-Request-ID",
)
_EXPOSED_HEADERS = (
    "ETag",
    "Link",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "X-Book-Age-Ms",
    "X-Book-Source",
    "X-Events-First-Id",
    "X-Events-Last-Id",
    "X-Events-Trimmed",
    "X-Request-ID",
)
# Chromium remembers the answer to a preflight for at most two hours.
_PREFLIGHT_SECONDS = 7200


def with_cors(app: ASGIApp, origins: CorsOrigins) -> ASGIApp:
    """Return `app` with the headers for pages of `origins`, and with answers to preflights."""
    return CORSMiddleware(
        app,
        allow_origins=("*",) if origins.allows_any else origins.exact,
        allow_origin_regex=origins.pattern,
        allow_methods=_METHODS,
        allow_headers=_REQUEST_HEADERS,
        # Pages of the public web may reach a private network only by name.
        allow_private_network=not origins.allows_any,
        expose_headers=_EXPOSED_HEADERS,
        max_age=_PREFLIGHT_SECONDS,
    )
