"""Build the optional extension `kraken_book._speedups`; pyproject.toml has everything else.

Without a C compiler or the headers of Python, the build continues without the extension. The
library then does the same work in Python: docs/adr/0010.
"""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

FOLDER = Path("kraken_book/c")
# One extension for all versions from 3.11 on, if it uses the limited API of 3.11 alone.
OLDEST_PYTHON, LIMITED_API = "cp311", "0x030B0000"


class BuildOptionalExtension(build_ext):
    """Build the extension, or a wheel for every platform if that is impossible."""

    def run(self) -> None:
        """Build the extension; if that fails, leave no older one and nothing that announces one."""
        # An extension of an earlier build would be packed, although its sources have changed.
        for extension in self.extensions:
            self._built(extension).unlink(missing_ok=True)
            if self.inplace:
                Path(self.get_ext_filename(extension.name)).unlink(missing_ok=True)
        super().run()
        if not all(self._built(extension).exists() for extension in self.extensions):
            self.distribution.ext_modules = []
            self.get_finalized_command("bdist_wheel").root_is_pure = True

    def _built(self, extension: Extension) -> Path:
        return Path(self.build_lib, self.get_ext_filename(extension.name))


def extensions() -> list[Extension]:
    """Return the extension, or nothing if this Python is free-threaded."""
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        print(  # noqa: T201 - pip shows it with --verbose
            "kraken-book: no extension for a free-threaded Python, which has no limited API",
            file=sys.stderr,
        )
        return []
    return [
        Extension(
            "kraken_book._speedups",
            sources=sorted(map(str, FOLDER.glob("*.c"))),
            depends=sorted(map(str, FOLDER.glob("*.h"))),
            # The sources share functions that nobody else may call or replace.
            extra_compile_args=["-std=c11", "-fvisibility=hidden"],
            define_macros=[("Py_LIMITED_API", LIMITED_API)],
            py_limited_api=True,
            optional=True,
        )
    ]


found = extensions()
setup(
    ext_modules=found,
    cmdclass={"build_ext": BuildOptionalExtension},
    options={"bdist_wheel": {"py_limited_api": OLDEST_PYTHON}} if found else {},
)
