"""An sdist that is packed again does not depend on the machine."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from tools.supply.repack import main, packed_again

TIME = 1_700_000_000


def sdist(names: list[str], *, owner: str, mode: int, mtime: float) -> bytes:
    result = io.BytesIO()
    with tarfile.open(fileobj=result, mode="w:gz") as archive:
        for name in names:
            member = tarfile.TarInfo(name)
            content = f"the content of {name}".encode()
            member.size, member.mtime, member.mode = len(content), mtime, mode
            member.uname, member.uid = owner, len(owner)
            archive.addfile(member, io.BytesIO(content))
    return result.getvalue()


def test_same_files_in_another_order_with_other_owners_give_the_same_bytes() -> None:
    first = sdist(["a", "b"], owner="ann", mode=0o600, mtime=1.5)
    second = sdist(["b", "a"], owner="bo", mode=0o664, mtime=99.25)
    assert first != second
    assert packed_again(first, TIME) == packed_again(second, TIME)


def test_content_mode_and_time_are_kept() -> None:
    packed = packed_again(sdist(["run"], owner="ann", mode=0o744, mtime=1), TIME)
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        (member,) = archive.getmembers()
        content = archive.extractfile(member)
        assert content is not None
        assert content.read() == b"the content of run"
    assert (member.mode, member.mtime, member.uname) == (0o755, TIME, "")


def test_missing_time_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    with pytest.raises(SystemExit) as caught:
        main([str(tmp_path / "a.tar.gz")])
    assert caught.value.code == 2
