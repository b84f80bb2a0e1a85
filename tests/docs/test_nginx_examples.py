"""nginx accepts the examples of the pages."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.docs.markdown import DOCS

BLOCKS = [
    pytest.param(block, id=f"{page.stem}-{number}")
    for page in sorted(DOCS.glob("*.md"))
    for number, block in enumerate(re.findall(r"```nginx\n(.*?)```", page.read_text(), re.DOTALL))
]


def in_configuration(block: str, folder: Path) -> str:
    """Return a whole configuration with a `location` of a page."""
    places = "".join(
        f"{kind}_temp_path {folder}/{kind}; "
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    server = f"server {{ listen 127.0.0.1:65000;\n{block} }}"
    return f"pid {folder}/pid; events {{}} http {{ access_log off; {places}\n{server}\n}}"


@pytest.mark.process
@pytest.mark.skipif(shutil.which("nginx") is None, reason="no nginx on the PATH")
@pytest.mark.parametrize("block", BLOCKS)
def test_nginx_accepts_the_example(block: str, tmp_path: Path) -> None:
    config = tmp_path / "nginx.conf"
    config.write_text(in_configuration(block, tmp_path))
    checked = subprocess.run(
        ["nginx", "-t", "-q", "-e", str(tmp_path / "errors"), "-c", str(config)],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert (checked.returncode, checked.stderr) == (0, ""), checked.stderr


def test_pages_have_examples_for_nginx() -> None:
    assert len(BLOCKS) >= 2
