"""The page's modules that its document preloads."""

from __future__ import annotations

import re

from api.http.files import PAGE

IMPORT = re.compile(r'^(?:import|export)\b[^;]*?"(\.[^"]+)";', re.MULTILINE)
PRELOAD = re.compile(r'<link rel="modulepreload" href="page/([^"]+)">')
SCRIPT = re.compile(r'<script type="module" src="page/([^"]+)"')


def imported(names: list[str]) -> set[str]:
    """Return these modules, by their paths in the page's folder, and all that they import."""
    found: set[str] = set()
    while names:
        name = names.pop()
        if name in found:
            continue
        found.add(name)
        folder = (PAGE / name).parent
        others = IMPORT.findall((PAGE / name).read_text())
        names += [str((folder / other).resolve().relative_to(PAGE.resolve())) for other in others]
    return found


def test_document_preloads_every_module_that_its_scripts_import() -> None:
    document = (PAGE / "index.html").read_text()
    scripts = SCRIPT.findall(document)
    expected = sorted(imported(list(scripts)) - set(scripts))
    assert len(expected) > 50
    lines = "\n".join(f'    <link rel="modulepreload" href="page/{name}">' for name in expected)
    assert PRELOAD.findall(document) == expected, f"index.html needs:\n{lines}"
