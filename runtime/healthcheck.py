"""`python -m runtime.healthcheck URL`: exit with 0 if a GET returns 200 within 2 s, else with 1.

Slim container images have no curl. The launcher uses the function to wait for the api.
"""

from __future__ import annotations

import sys
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

from runtime.command_line import ExitCodes, OneLineParser

READ_TIMEOUT = 2.0

DESCRIPTION = "Tells whether a service is healthy: whether a GET of URL returns 200 within 2 s."
EXIT_CODES: ExitCodes = {
    0: "the answer was 200",
    1: "there was another answer, or none within 2 s",
    2: "an argument is invalid",
}
EXAMPLE = "http://127.0.0.1:3000/readyz"


def is_healthy(host: str, port: int, path: str) -> bool:
    """Return whether a GET of `path` returns 200 within 2 s."""
    # urllib would use a proxy from the environment.
    connection = HTTPConnection(host, port, timeout=READ_TIMEOUT)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, HTTPException, ValueError):
        return False
    finally:
        connection.close()


def main() -> int:
    """Check the URL of the command line; return the exit code."""
    parser = OneLineParser("python -m runtime.healthcheck", DESCRIPTION, EXIT_CODES)
    parser.add_argument("urls", metavar="URL", nargs="*", help=f"such as {EXAMPLE}")
    urls = parser.parse_args().urls
    try:
        url = urlsplit(urls[0]) if len(urls) == 1 else None
        if url is None or url.scheme != "http" or not url.hostname:
            raise ValueError  # noqa: TRY301 - as `url.port` does for an invalid port
        port = url.port or 80
    except ValueError:
        parser.error(f"one URL is required, such as {EXAMPLE}")
    return 0 if is_healthy(url.hostname, port, url.path or "/") else 1


if __name__ == "__main__":
    sys.exit(main())
