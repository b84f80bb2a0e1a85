"""Serve the page and its files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles

PAGE = Path(__file__).parent.parent / "page"
PAGE_HEADERS = {
    # The page loads nothing from other origins.
    "Content-Security-Policy": "default-src 'self'",
    "X-Content-Type-Options": "nosniff",
    # Revalidated each time, so that an upgrade never mixes old and new modules.
    "Cache-Control": "no-cache",
}


class PageFiles(StaticFiles):
    """The page's modules and styles, with the page's headers."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        """Return the response with a file, or a 304."""
        response = super().file_response(*args, **kwargs)
        response.headers.update(PAGE_HEADERS)
        return response


async def page(_request: Request) -> Response:
    """Answer with the live page."""
    return FileResponse(PAGE / "index.html", headers=PAGE_HEADERS)
