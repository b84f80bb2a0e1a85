"""`python -m runtime.healthcheck URL`: exit with 0 if a GET returns 200 within 2 s, else with 1.

Slim container images have no curl; `--show` prints the answer. The launcher uses `is_healthy` to
wait for the api.
"""

from __future__ import annotations

import sys
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

from runtime.command_line import ExitCodes, OneLineParser

READ_TIMEOUT = 2.0
MAX_SHOWN_BYTES = 10_000_000

DESCRIPTION = "Tells whether a service is healthy: whether a GET of URL returns 200 within 2 s."
EXIT_CODES: ExitCodes = {
    0: "the answer was 200",
    1: "there was another answer, or none within 2 s",
    2: "an argument is invalid",
}
EXAMPLE = "http://127.0.0.1:3000/readyz"


def is_healthy(host: str, port: int, path: str) -> bool:
    """Return whether a GET of `path` returns 200 within 2 s."""
    answer = _ask(host, port, path)
    return answer is not None and answer[0] == HTTPStatus.OK


def main() -> int:
    """Check the URL of the command line; return the exit code."""
    parser = OneLineParser("python -m runtime.healthcheck", DESCRIPTION, EXIT_CODES)
    parser.add_argument("urls", metavar="URL", nargs="*", help=f"such as {EXAMPLE}")
    parser.add_argument("--show", action="store_true", help="print the answer, up to 10 MB")
    given = parser.parse_args()
    try:
        url = urlsplit(given.urls[0]) if len(given.urls) == 1 else None
        if url is None or url.scheme != "http" or not url.hostname:
            raise ValueError  # noqa: TRY301 - as `url.port` does for an invalid port
        port = url.port or 80
    except ValueError:
        parser.error(f"one URL is required, such as {EXAMPLE}")
    answer = _ask(url.hostname, port, url.path or "/", MAX_SHOWN_BYTES if given.show else 0)
    if given.show:
        text = answer[1].decode(errors="replace") if answer else "no answer within 2 s"
        sys.stdout.write(f"{text}\n")
    return 0 if answer is not None and answer[0] == HTTPStatus.OK else 1


def _ask(host: str, port: int, path: str, most: int = 0) -> tuple[int, bytes] | None:
    """Return the status of a GET, and at most so many bytes of its body; None if it fails."""
    # urllib would use a proxy from the environment.
    connection = HTTPConnection(host, port, timeout=READ_TIMEOUT)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read(most)
    except (OSError, HTTPException, ValueError):
        return None
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main())
