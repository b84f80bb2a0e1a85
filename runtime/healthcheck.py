"""`python -m runtime.healthcheck URL`: exit with 0 if a GET of it is answered with 200, else 1.

For containers, whose slim images have no such program, and to wait until a service is ready.
"""

from __future__ import annotations

import sys
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

from runtime.command_line import OneLineParser

LIMIT_SECONDS = 2.0

WHAT = "Exits with 0 if a GET of URL is answered with 200 within 2 s, else with 1."
EXAMPLE = "http://127.0.0.1:3000/readyz"


def is_healthy(host: str, port: int, path: str) -> bool:
    """Return whether a GET of `path` is answered with 200 within 2 s."""
    # Not by urllib, which would ask a proxy of the environment.
    connection = HTTPConnection(host, port, timeout=LIMIT_SECONDS)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, HTTPException, ValueError):
        return False
    finally:
        connection.close()


def main() -> int:
    """Ask the URL of the command line; return what to exit with."""
    parser = OneLineParser("python -m runtime.healthcheck", description=WHAT, allow_abbrev=False)
    parser.add_argument("urls", metavar="URL", nargs="*", help=f"such as {EXAMPLE}")
    given = parser.parse_args().urls
    try:
        url = urlsplit(given[0]) if len(given) == 1 else None
        if url is None or url.scheme != "http" or not url.hostname:
            raise ValueError  # noqa: TRY301 - like a port that is none
        port = url.port or 80
    except ValueError:
        parser.error(f"it takes one URL, such as {EXAMPLE}")
    return 0 if is_healthy(url.hostname, port, url.path or "/") else 1


if __name__ == "__main__":
    sys.exit(main())
