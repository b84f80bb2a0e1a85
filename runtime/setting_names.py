"""Find misspelt settings: variables that resemble a setting of one of our programs, but are none.

One `.env` serves all programs, so each program knows the names of all. The services cannot import
each other's settings: the names are read from the source of the classes `…Settings`, in modules
`…settings.py`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from pathlib import Path

from runtime.retired_settings import RETIRED, RetiredSetting

_ROOT = Path(__file__).resolve().parents[1]
# An installation may have only some of them.
_PACKAGES = ("runtime", "collector", "api", "launcher")

OTHER_NAMES = frozenset(
    {
        "KRAKEN_BOOK_FRAMES",
        "KRAKEN_BOOK_FUZZ",
        "KRAKEN_BOOK_IMAGE",
        "KRAKEN_BOOK_KEY",
        "KRAKEN_BOOK_THEME",
        "KRAKEN_BOOK_LISTENER",
        "KRAKEN_BOOK_LOAD_RATE",
        "KRAKEN_BOOK_LOAD_SECONDS",
        "KRAKEN_BOOK_PURE",
        "KRAKEN_BOOK_TEST_RUN",
        "KRAKEN_BOOK_URL",
    }
)
"""Variables of the commands, the tests and the compose file, which no class of settings has."""

OWN_PREFIXES = ("COLLECTOR_", "KRAKEN_BOOK_")
"""All variables with these beginnings are ours."""

# The least similarity of a misspelt name, as `difflib` measures it. KRAKEN_DEPHT has 0.92 and
# REDIS_URI 0.89; KRAKEN_WS_URL and REDIS_TLS_URL, which are others', have less than 0.87.
_CUTOFF = 0.87
# A shorter first word is never taken for a misspelt one: APP_PORT is not API_PORT.
_MIN_FIRST_WORD = 5

# Variables that Kubernetes and Docker set for other services, such as API_PORT_3000_TCP.
_LINK_NAME = re.compile(
    r"\w+_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?|ENV_\w+)"
)
_LINK_VALUE = re.compile(r"(tcp|udp|sctp)://[\w.:\[\]-]+")


def find_unknown_settings(
    variables: Mapping[str, str | None], retired: Mapping[str, RetiredSetting] = RETIRED
) -> list[str]:
    """Return one line for each variable that resembles a setting or has a prefix of ours.

    The lines contain no values. Empty variables are ignored, because they count as unset.

    Args:
        variables: The variables of the environment and of `.env`.
        retired: The old names that are still accepted.
    """
    known = known_names().union(retired)
    # Sorted, so that the lines are the same in each run.
    return [
        line
        for name, value in sorted(variables.items())
        if value and not is_service_link(name, value)
        if (line := _fault(name, known)) is not None
    ]


def is_service_link(name: str, value: object) -> bool:
    """Return whether Kubernetes or Docker has set a variable to find another service.

    In each container that can reach a service with the name `api`, they set API_PORT to a text such
    as `tcp://10.0.0.1:3000`.
    """
    upper = name.upper()
    is_address = upper.endswith("_PORT") and _LINK_VALUE.fullmatch(str(value)) is not None
    return is_address or _LINK_NAME.fullmatch(upper) is not None


@cache
def known_names() -> frozenset[str]:
    """Return the names of all settings of all our programs."""
    paths = (path for each in _PACKAGES for path in (_ROOT / each).rglob("*settings.py"))
    return OTHER_NAMES.union(*map(_names_in, paths))


def _names_in(path: Path) -> Iterator[str]:
    """Yield the fields of each class of settings of a module, in capitals."""
    for node in ast.parse(path.read_bytes()).body:
        if isinstance(node, ast.ClassDef) and node.bases and node.name.endswith("Settings"):
            yield from map(str.upper, _fields_of(node))


def _fields_of(settings: ast.ClassDef) -> Iterator[str]:
    """Yield the fields of a class of settings; its constants are in capitals."""
    for field in settings.body:
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            name = field.target.id
            if name.islower():
                yield name


def _fault(name: str, known: frozenset[str]) -> str | None:
    upper = name.upper()
    if upper in known:
        return None
    comparable = [each for each in known if _may_be_meant(upper, each)]
    if near := get_close_matches(upper, comparable, n=1, cutoff=_CUTOFF):
        return f"{name}: unknown setting; did you mean {near[0]}?"
    for prefix in OWN_PREFIXES:
        if upper.startswith(prefix):
            ours = ", ".join(sorted(each for each in known if each.startswith(prefix)))
            return f"{name}: unknown setting; those with this beginning are {ours}"
    return None


def _may_be_meant(name: str, known: str) -> bool:
    """Return whether a comparison can pay: it is slow, and most variables are others'."""
    first, own = name.partition("_")[0], known.partition("_")[0]
    is_near = len(own) >= _MIN_FIRST_WORD and len(set(own) - set(first)) <= 1
    return first == own or is_near or name.replace("_", "") == known.replace("_", "")
