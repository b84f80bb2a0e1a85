"""Pack sdists again, so that the same source gives the same bytes: `python -m tools.supply.repack`.

setuptools writes the times, owners and modes of the files of this machine, in the order of the file
system. Wheels need nothing of the kind: setuptools obeys `SOURCE_DATE_EPOCH` there.
"""

from __future__ import annotations

import gzip
import os
import sys
import tarfile
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from tools.console import options_parser

TIME_VARIABLE = "SOURCE_DATE_EPOCH"
EXIT_CODES = {0: "every sdist is packed again", 2: "an argument or the variable is invalid"}
VARIABLES = {TIME_VARIABLE: "the Unix time of all files"}
_EXECUTABLE, _PLAIN = 0o755, 0o644


def packed_again(sdist: bytes, time: int) -> bytes:
    """Return the same files in a fixed order, with fixed owners and modes, and one time.

    Args:
        sdist: A `.tar.gz`.
        time: The time of all files.

    """
    result = BytesIO()
    with (
        tarfile.open(fileobj=BytesIO(sdist)) as old,
        gzip.GzipFile(filename="", fileobj=result, mode="wb", mtime=time) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as new,
    ):
        for each in sorted(old.getmembers(), key=lambda member: member.name):
            content = old.extractfile(each) if each.isfile() else None
            each.mtime = time
            each.uid = each.gid = 0
            each.uname = each.gname = ""
            each.mode = _EXECUTABLE if each.mode & 0o100 else _PLAIN
            each.pax_headers = {}
            new.addfile(each, content)
    return result.getvalue()


def main(arguments: Sequence[str] | None = None) -> int:
    """Pack the files of the command line again; return the exit code."""
    assert __doc__
    parser = options_parser("supply.repack", __doc__, EXIT_CODES, VARIABLES)
    parser.add_argument("sdists", nargs="+", type=Path, metavar="SDIST", help="a .tar.gz of dist/")
    sdists: list[Path] = parser.parse_args(arguments).sdists
    time = os.environ.get(TIME_VARIABLE, "")
    if not time.isdecimal():
        parser.error(f"{TIME_VARIABLE} must be a Unix time")
    for path in sdists:
        path.write_bytes(packed_again(path.read_bytes(), int(time)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
