"""The page's third-party files are the pinned ones, and no other archive is taken for them."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tools.vendor import (
    FOLDER,
    VendorError,
    find_changed,
    integrity_of,
    read_packages,
    sha256_of,
    unpack,
)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "chart-1.0.tgz"
    with tarfile.open(path, "w:gz") as opened:
        member = tarfile.TarInfo("package/dist/chart.js")
        member.size = 4
        opened.addfile(member, io.BytesIO(b"code"))
    return path


def pinned(archive: Path, **changes: str) -> dict[str, Any]:
    file = {"from": "dist/chart.js", "to": "chart/chart.js", "sha256": sha256_of(b"code")}
    package = {"version": "1.0", "integrity": integrity_of(archive.read_bytes()), "files": [file]}
    file.update((name, value) for name, value in changes.items() if name in file)
    package.update((name, value) for name, value in changes.items() if name in package)
    return package


def test_committed_files_are_the_pinned_ones() -> None:
    assert find_changed(FOLDER) == []


def test_folder_has_no_file_that_is_not_pinned() -> None:
    places = [file["to"] for package in read_packages(FOLDER).values() for file in package["files"]]
    found = {str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*") if path.is_file()}
    assert found == {*places, "README.md", "packages.json"}


def test_readme_names_version_licence_and_hash_of_each_package() -> None:
    text = (FOLDER / "README.md").read_text()
    for name, package in read_packages(FOLDER).items():
        assert f"{name} {package['version']}" in text
        assert package["license"] in text
        assert package["integrity"] in text
        assert any(file["to"].endswith("LICENSE") for file in package["files"])


def test_changed_or_missing_file_is_found(tmp_path: Path) -> None:
    files = [{"from": "a", "to": name, "sha256": sha256_of(b"code")} for name in ("a", "b", "c")]
    (tmp_path / "packages.json").write_text(json.dumps({"x": {"files": files}}))
    (tmp_path / "a").write_bytes(b"code")
    (tmp_path / "b").write_bytes(b"other")
    assert find_changed(tmp_path) == ["b", "c"]


def test_files_of_the_pinned_archive_are_unpacked(archive: Path) -> None:
    assert unpack(archive, pinned(archive)) == {"chart/chart.js": b"code"}


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"integrity": "sha512-AAAA"}, "the archive has sha512-"),
        ({"sha256": "00"}, "dist/chart.js has"),
    ],
)
def test_archive_with_another_hash_is_refused(
    archive: Path, changes: dict[str, str], fault: str
) -> None:
    with pytest.raises(VendorError, match=fault):
        unpack(archive, pinned(archive, **changes))
