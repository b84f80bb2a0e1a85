"""Serve the page and its files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from api.http.web_headers import PAGE_POLICY

PAGE = Path(__file__).parent.parent / "page"
# Crawlers may find the page. The books change faster than they come back.
ROBOTS = "User-agent: *\nAllow: /$\nDisallow: /\n"
PAGE_HEADERS = {
    # Also for the page's worker, which has the policy of its own file.
    "Content-Security-Policy": PAGE_POLICY,
    # Revalidated each time, so that an upgrade never mixes old and new modules.
    "Cache-Control": "no-cache",
}


class PageFiles(StaticFiles):
    """The page's modules and styles, with the page's headers."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        """Return the response with a file, or a 304."""
        response = super().file_response(*args, **kwargs)
        response.headers.update(PAGE_HEADERS)
        # The same tag for a 304 and for a file, which may be compressed.
        response.headers["ETag"] = f"W/{response.headers['ETag']}"
        return response


_files = PageFiles(directory=PAGE)


async def page(request: Request) -> Response:
    """Answer with the live page."""
    return await _files.get_response("index.html", request.scope)


async def javascript_module(request: Request) -> Response:
    """Answer with the module that reads books in JavaScript."""
    return await _files.get_response("kraken-book.js", request.scope)


async def favicon(request: Request) -> Response:
    """Answer with the page's icon, for browsers that look for it here."""
    return await _files.get_response("favicon.svg", request.scope)


async def robots(_request: Request) -> Response:
    """Answer with the rules for crawlers."""
    return Response(ROBOTS, media_type="text/plain")
