"""nginx accepts the examples of the pages."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import trustme

from tests.docs.markdown import DOCS

BLOCKS = [
    pytest.param(block, id=f"{page.stem}-{number}")
    for page in sorted(DOCS.glob("*.md"))
    for number, block in enumerate(re.findall(r"```nginx\n(.*?)```", page.read_text(), re.DOTALL))
]
CERTIFICATE_FILES = ("/etc/ssl/books.pem", "/etc/ssl/books.key")


def in_configuration(block: str, folder: Path) -> str:
    """Return a whole configuration with a block of a page."""
    pem, key = (str(folder / name) for name in ("books.pem", "books.key"))
    block = block.replace(CERTIFICATE_FILES[0], pem).replace(CERTIFICATE_FILES[1], key)
    block = re.sub(r"listen \d+", "listen 127.0.0.1:65000", block)
    if block.lstrip().startswith("location"):
        block = f"server {{ listen 127.0.0.1:65000; {block} }}"
    places = "".join(
        f"{kind}_temp_path {folder}/{kind}; "
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return f"pid {folder}/pid; events {{}} http {{ access_log off; {places}\n{block}\n}}"


@pytest.mark.process
@pytest.mark.skipif(shutil.which("nginx") is None, reason="no nginx on the PATH")
@pytest.mark.parametrize("block", BLOCKS)
def test_nginx_accepts_the_example(block: str, tmp_path: Path) -> None:
    issued = trustme.CA().issue_cert("books.example.com")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "books.pem")
    issued.private_key_pem.write_to_path(tmp_path / "books.key")
    config = tmp_path / "nginx.conf"
    config.write_text(in_configuration(block, tmp_path))
    checked = subprocess.run(
        ["nginx", "-t", "-q", "-e", str(tmp_path / "errors"), "-c", str(config)],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert (checked.returncode, checked.stderr) == (0, ""), checked.stderr


def test_pages_have_examples_for_nginx() -> None:
    assert len(BLOCKS) >= 3
