"""The pages of the documentation: their paths, sections and code blocks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lab.process import ROOT

DOCS = ROOT / "docs"
CHART = ROOT / "deploy" / "helm" / "kraken-book" / "README.md"
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md")), CHART]
"""The pages of which every line and block is checked."""

_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)$")
_MARKER = re.compile(r"^<!-- not run: (?P<reason>.+) -->$")


@dataclass(frozen=True)
class Block:
    """A fenced code block.

    Attributes:
        page: Its page, relative to the repository.
        line: The line of its first fence.
        language: The word after the fence, "" if there is none.
        code: The lines between the fences.
        reason: The reason of a marker `<!-- not run: … -->` before it; None without a marker.
        output: The code of a block of type `text` or `json` that directly follows it, else None.
    """

    page: str
    line: int
    language: str
    code: str
    reason: str | None
    output: str | None

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def name_of(page: Path) -> str:
    """Return the path of a page relative to the repository."""
    return str(page.relative_to(ROOT))


def section(text: str, title: str) -> str:
    """Return the part of a page below the heading `title`, up to the next one of its level."""
    heading = re.search(rf"^(#+) {re.escape(title)}$", text, re.MULTILINE)
    assert heading is not None, f"there is no heading {title!r}"
    rest = text[heading.end() :]
    end = re.search(rf"^#{{1,{len(heading[1])}}} ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


def blocks(page: Path) -> list[Block]:
    """Return the code blocks of a page, in order."""
    found: list[Block] = []
    lines = page.read_text().splitlines()
    last_end = -2
    for start, end in _fences(lines):
        match = _FENCE.match(lines[start])
        assert match is not None, f"{name_of(page)}:{start + 1}: {lines[start]}"
        indent = len(match["indent"])
        code = "".join(f"{line[indent:]}\n" for line in lines[start + 1 : end])
        marker = _MARKER.match(lines[start - 1].strip()) if start else None
        language = match["language"]
        block = Block(name_of(page), start + 1, language, code, marker and marker["reason"], None)
        if language in ("text", "json") and start - last_end == 2 and found:
            before = found.pop()
            found.append(
                Block(before.page, before.line, before.language, before.code, before.reason, code)
            )
        found.append(block)
        last_end = end
    return found


def _fences(lines: list[str]) -> Iterator[tuple[int, int]]:
    """Yield the indexes of the first and the last line of each block."""
    begun: int | None = None
    for index, line in enumerate(lines):
        if line.lstrip().startswith("```"):
            if begun is None:
                begun = index
            else:
                yield begun, index
                begun = None
    assert begun is None, "the last block has no end"
