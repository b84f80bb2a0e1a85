"""`python -m service.healthcheck URL`: ends with 0 where a GET of it is answered with 200, else 1.

For containers, whose slim images have no program that asks, and for who waits for a service.
"""

from __future__ import annotations

import sys
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

LIMIT_SECONDS = 2.0


def is_healthy(host: str, port: int, path: str) -> bool:
    """Whether `path` is answered with 200 within 2 s."""
    # Not by urllib, which would ask a proxy of the environment.
    connection = HTTPConnection(host, port, timeout=LIMIT_SECONDS)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def main() -> int:
    """Ask the URL of the command line; returns what to exit with."""
    url = urlsplit(sys.argv[1]) if len(sys.argv) == 2 else None
    if url is None or url.scheme != "http" or not url.hostname:
        print("it takes one URL, such as http://127.0.0.1:3000/readyz", file=sys.stderr)  # noqa: T201
        return 2
    return 0 if is_healthy(url.hostname, url.port or 80, url.path or "/") else 1


if __name__ == "__main__":
    sys.exit(main())
