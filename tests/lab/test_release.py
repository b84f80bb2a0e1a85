"""The last release is found in the history of a clone."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from lab.release import NoReleaseError, last_release, unpack_last_release

pytestmark = pytest.mark.process
AUTHOR = ("-c", "user.name=a", "-c", "user.email=a@example.com")


class Repository:
    """A git repository with a file that has the version."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.file = root / "kraken_book" / "__init__.py"
        self.file.parent.mkdir(parents=True)
        for package in ("runtime", "collector", "api"):
            (root / package).mkdir()
            (root / package / "__init__.py").touch()
        self.git("init", "--quiet")

    def git(self, *arguments: str) -> str:
        command = ["git", *AUTHOR, "-C", str(self.root), *arguments]
        ended = subprocess.run(command, capture_output=True, text=True, check=True)
        return ended.stdout.strip()

    def commit(self, version: str, more: str = "") -> str:
        self.file.write_text(f'"""It is {more}."""\n__version__ = "{version}"\n')
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", version + more)
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "clone")


def test_last_release_is_the_commit_that_wrote_the_version(repository: Repository) -> None:
    repository.commit("0.1.0")
    written = repository.commit("0.2.0")
    repository.commit("0.2.0", "changed")
    assert last_release(repository.root) == written


def test_release_at_the_current_commit_is_not_the_last_one(repository: Repository) -> None:
    first = repository.commit("0.1.0")
    repository.commit("0.2.0")
    assert last_release(repository.root) == first
    repository.git("tag", "v0.2.0")
    assert last_release(repository.root) == first


def test_newest_tag_by_version_precedes_other_commits(repository: Repository) -> None:
    for version in ("0.9.0", "0.10.0"):
        repository.commit(version)
        repository.git("tag", "--annotate", "--message", version, f"v{version}")
    repository.commit("0.11.0")
    assert last_release(repository.root) == "v0.10.0"


def test_source_of_the_release_is_unpacked(repository: Repository, tmp_path: Path) -> None:
    repository.commit("0.1.0")
    repository.git("tag", "v0.1.0")
    repository.commit("0.2.0")
    release = unpack_last_release(tmp_path / "release", repository.root)
    assert release.name == "v0.1.0"
    assert '"0.1.0"' in (release.folder / "kraken_book" / "__init__.py").read_text()


def test_shallow_clone_and_folder_without_git_have_no_release(
    repository: Repository, tmp_path: Path
) -> None:
    repository.commit("0.1.0")
    repository.commit("0.2.0")
    repository.commit("0.2.0", "changed")
    shallow = tmp_path / "shallow"
    repository.git("clone", "--quiet", "--depth", "1", repository.root.as_uri(), str(shallow))
    with pytest.raises(NoReleaseError, match="shallow"):
        last_release(shallow)
    with pytest.raises(NoReleaseError, match="no git clone"):
        last_release(tmp_path)
