"""Optional dependencies: check that an extra is installed, and name it if it is not."""

from __future__ import annotations

from importlib.util import find_spec

from kraken_book.errors import MissingExtra

__all__ = ["EXTRAS", "require_extra"]

EXTRAS = {
    "pandas": ("pandas",),
    "polars": ("polars",),
    "recording": ("pyarrow", "redis"),
    "terminal": ("textual",),
}
"""The modules that each extra of the library brings."""


def require_extra(program: str, extra: str) -> None:
    """Do nothing if the modules of an extra can be imported.

    Args:
        program: The command or module that needs them, for the message.
        extra: A key of `EXTRAS`.

    Raises:
        MissingExtra: A module is not installed.
    """
    for module in EXTRAS[extra]:
        if find_spec(module) is None:
            raise MissingExtra(f"{program} needs {module}: pip install 'kraken-book[{extra}]'")
