"""The undocumented part of starlette that `api.http.files.PageFiles` uses is unchanged."""

from __future__ import annotations

from pathlib import Path

import httpx

from api.http.files import PAGE_HEADERS, PageFiles
from tests.installed import changed, require_checked_version


def test_installed_starlette_is_in_the_checked_range() -> None:
    require_checked_version("starlette")


async def test_file_and_its_304_have_the_pages_headers(tmp_path: Path) -> None:
    (tmp_path / "page.js").write_text("// nothing")
    transport = httpx.ASGITransport(PageFiles(directory=tmp_path))
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        file = await client.get("/page.js")
        again = await client.get("/page.js", headers={"if-none-match": file.headers["etag"]})
    assert (file.status_code, again.status_code) == (200, 304)
    for name, value in PAGE_HEADERS.items():
        found = (file.headers.get(name), again.headers.get(name))
        assert found == (value, value), changed("starlette", "files do not pass file_response")
