"""Links of the documentation resolve, its lines are short, and its tables have whole rows."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from lab.process import ROOT
from tests.docs.markdown import DOCS, PAGES, name_of

MAX_COLUMNS = 100
# The page has long tables, and is changed with the benchmarks.
LINKED = [*PAGES, ROOT / "bench" / "README.md"]

_CODE = re.compile(r"^ *```.*?^ *```$|`[^`\n]*`", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^()\s]+)\)")
_AUTOLINK = re.compile(r"<(https?://[^>]+)>")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def links(page: Path) -> list[str]:
    text = page.read_text()
    # Code in the text of a link is no code block: only its content goes.
    text = _CODE.sub(lambda code: "" if code[0].lstrip().startswith("```") else "code", text)
    return [*_LINK.findall(text), *_AUTOLINK.findall(text)]


@cache
def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    seen: Counter[str] = Counter()
    found = set()
    for heading in _HEADING.findall(text):
        slug = re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
        found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return found


def fault(page: Path, link: str) -> str | None:
    """Return the reason for which a link does not resolve, None if it does."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        is_address = parts.scheme in ("http", "https") and parts.hostname
        return None if is_address else "not an address"
    target = (page.parent / parts.path).resolve() if parts.path else page
    if not target.is_relative_to(ROOT):
        return "outside of the repository"
    if not target.exists():
        return "no such file"
    if parts.fragment and target.suffix == ".md" and parts.fragment not in anchors(target):
        return "no such heading"
    return None


@pytest.mark.parametrize("page", LINKED, ids=name_of)
def test_links_of_page_resolve(page: Path) -> None:
    faults = {link: why for link in links(page) if (why := fault(page, link))}
    assert faults == {}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_lines_of_page_are_short(page: Path) -> None:
    text = re.sub(r"^ *```.*?^ *```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    long = [
        line for line in text.splitlines() if len(line) > MAX_COLUMNS and not line.startswith("|")
    ]
    assert long == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_rows_of_tables_have_the_cells_of_their_head(page: Path) -> None:
    text = _CODE.sub(
        lambda code: "" if code[0].lstrip().startswith("```") else "code", page.read_text()
    )
    wrong: list[str] = []
    cells = 0
    for line in text.splitlines():
        if not line.startswith("|"):
            cells = 0
            continue
        cells = cells or line.count("|")
        if line.count("|") != cells:
            wrong.append(line)
    assert wrong == []


def test_index_links_every_page() -> None:
    index = DOCS / "README.md"
    linked = {(DOCS / urlsplit(link).path).resolve() for link in links(index)}
    assert [name_of(page) for page in DOCS.glob("*.md") if page not in {*linked, index}] == []


def test_anchor_of_heading_is_that_of_github() -> None:
    assert {"get-", "get-depthsymbol"} <= anchors(DOCS / "http.md")
    assert "promises-of-streams" in anchors(DOCS / "http.md")
