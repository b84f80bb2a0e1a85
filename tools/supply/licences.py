"""List the licence of each dependency in docs/licences.md, and refuse one that is not known.

`make licences` writes the page, and `--check` compares it. The licences are those of the installed
packages' metadata, as SPDX expressions. A package that is not installed here keeps its row.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, metadata

from lab.process import ROOT
from tools.console import options_parser
from tools.supply.lock import ALL, IMAGE, pinned_versions

PAGE = ROOT / "docs" / "licences.md"
EXIT_CODES = {
    0: "every licence is compatible, and the page is right",
    1: "a licence is not known to be compatible, or the page differs",
    2: "an argument is invalid",
}
COMPATIBLE = frozenset(
    {
        *("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT", "MIT-0"),
        *("MIT-CMU", "MPL-2.0", "PSF-2.0", "Zlib"),
    }
)
"""Licences that permit use in and beside a program under MIT. MPL-2.0 binds its own files alone."""

# Texts of metadata that are no SPDX expression.
_SPDX = {
    "Apache 2": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "Apache License": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "BSD 2-Clause License": "BSD-2-Clause",
    "BSD 3-Clause License": "BSD-3-Clause",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "MIT license": "MIT",
    "MIT style": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "PSFL": "PSF-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
_WITHOUT_METADATA = {"axe-playwright-python": "MIT AND MPL-2.0"}
"""Packages whose metadata has no licence, by their files: this one contains axe-core, MPL-2.0."""
_ROW = re.compile(r"^\| ([\w-]+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
_HEAD = """# Licences

The licence of each package in `constraints.txt`, as an SPDX expression from its metadata.
`make licences` writes this page, and a test refuses a package whose licence is not known to be
compatible with [ours](../LICENSE). "image" is what the image of the services contains; all others
are extras of the library, tests and tools, which are installed but not distributed. The page's only
third-party code is uPlot (MIT), in `api/page/vendor` with its licence.
[dependencies.md](dependencies.md) has the reason for each direct dependency.

| package | licence | in |
| --- | --- | --- |
"""


def licence_of(name: str) -> str | None:
    """Return the licence of an installed package, "" if it has none; None without the package."""
    try:
        found = metadata(name)
    except PackageNotFoundError:
        return None
    if "License-Expression" in found:
        return found["License-Expression"]
    # A text of several lines is the licence itself.
    text = "".join(found.get_all("License") or ()).strip()
    if (spdx := _SPDX.get(text, text)) in COMPATIBLE:
        return spdx
    classifiers = [each for each in found.get_all("Classifier") or () if "License ::" in each]
    words = {_SPDX.get(each.rpartition(" :: ")[2]) for each in classifiers} - {None}
    named = " OR ".join(sorted(filter(None, words)))
    return named or (text if is_compatible(text) else _WITHOUT_METADATA.get(name, ""))


def is_compatible(expression: str) -> bool:
    """Return whether an SPDX expression permits a use under a compatible licence."""
    return bool(expression) and all(
        any(each.strip("() ") in COMPATIBLE for each in part.split(" OR "))
        for part in expression.split(" AND ")
    )


def listed() -> dict[str, str]:
    """Return the licences on the page by package."""
    text = PAGE.read_text() if PAGE.exists() else ""
    return {name: licence.strip() for name, licence, _ in _ROW.findall(text) if name != "package"}


def all_licences() -> dict[str, str]:
    """Return the licence of each package in constraints-hashes.txt; "" if it is not known."""
    old = listed()
    names = sorted(pinned_versions((ROOT / ALL).read_text()))
    found = {name: licence_of(name) for name in names}
    return {name: old.get(name, "") if text is None else text for name, text in found.items()}


def page(licences: Mapping[str, str]) -> str:
    """Return the text of the page."""
    shipped = pinned_versions((ROOT / IMAGE).read_text())
    rows = [
        f"| {name} | {licence} | {'image' if name in shipped else 'tests and extras'} |\n"
        for name, licence in licences.items()
    ]
    return _HEAD + "".join(rows)


def faults(licences: Mapping[str, str]) -> Iterator[str]:
    """Yield a line for each licence that is not known to be compatible."""
    for name, licence in licences.items():
        if not is_compatible(licence):
            yield f"{name}: {licence or 'no licence is known'}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the page; return the exit code."""
    assert __doc__
    parser = options_parser("supply.licences", __doc__, EXIT_CODES)
    parser.add_argument("--check", action="store_true", help="compare the page, do not write it")
    is_check: bool = parser.parse_args(arguments).check
    licences = all_licences()
    wrong = list(faults(licences))
    if not is_check:
        PAGE.write_text(page(licences))
    elif not PAGE.exists() or PAGE.read_text() != page(licences):
        wrong.append(f"{PAGE.name} differs: run `make licences`")
    for line in wrong:
        print(f"licences: {line}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
