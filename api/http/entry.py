"""The way into the api: the Host header, the path below which it is served, and wrong slashes.

A proxy may serve the api below a path such as `/kraken`, and may remove it from the requests or
not. Within the api every path is without it, so that routes, logs and metrics are the same; only
answers that name a path add it again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from urllib.parse import parse_qsl, quote, unquote

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from api.http.hosts import HostCheck
from api.http.problems import PRINTABLE, ROOT_PATH_KEY, path_of, problem_response


class Entry:
    """ASGI middleware that checks the host of each request and corrects its path.

    Args:
        app: The application.
        is_served: Returns whether there is a route for a path.
        allowed: The methods that some route allows, for `OPTIONS *`.
        hosts: The check of hosts; by default every host is allowed.
        root_path: The path below which a proxy serves the api; empty for none.
        parameters: The names of the parameters that a redirect may repeat.
    """

    def __init__(
        self,
        app: ASGIApp,
        is_served: Callable[[str], bool],
        allowed: str,
        hosts: HostCheck | None = None,
        root_path: str = "",
        parameters: Collection[str] = (),
    ) -> None:
        self._app = app
        self._is_served = is_served
        self._allowed = allowed
        self._hosts = hosts or HostCheck.of_any_host()
        self._root_path = root_path
        self._root = root_path.encode()
        self._parameters = frozenset(parameters)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it."""
        if self._root:
            self._leave_root(scope)
        app = self._answer(scope) or self._app
        await app(scope, receive, send)

    def _leave_root(self, scope: Scope) -> None:
        """Remove the root from the path of a request, in place, so that the log has it too."""
        scope[ROOT_PATH_KEY] = self._root_path
        raw: bytes = scope["raw_path"]
        if raw == self._root or raw.startswith(self._root + b"/"):
            scope["raw_path"] = raw[len(self._root) :]
            scope["path"] = scope["path"][len(self._root) :]

    def _answer(self, scope: Scope) -> Response | None:
        """Return the answer to a request that no route gets, None if a route gets it."""
        if (problem := self._hosts.refusal(scope)) is not None:
            return problem_response(problem, path_of(Request(scope)))
        if scope["path"] == "*" and scope["method"] == "OPTIONS":
            return Response(None, 204, {"Allow": self._allowed})
        raw: bytes = scope["raw_path"]
        if raw and b"//" not in raw and (raw == b"/" or not raw.endswith(b"/")):
            return None
        return self._redirect(raw, scope["query_string"])

    def _redirect(self, raw: bytes, query: bytes) -> Response | None:
        """Return a redirect to the path without needless slashes, None if it is not served.

        Its address is relative to the path. So it is right below any path of a proxy, and never
        leads to another server.
        """
        path = quote(b"/".join(filter(None, raw.split(b"/"))), safe=PRINTABLE)
        plain = unquote(path)
        # A client would resolve dots before it asks again.
        if {".", ".."}.intersection(plain.split("/")) or not self._is_served(f"/{plain}"):
            return None
        # An unknown parameter may be a ticket or a key, which must not be in an answer.
        given = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
        if not all(name in self._parameters and "=" not in value for name, value in given):
            return None
        if raw:
            target = "../" * (raw.count(b"/") - 1) + path
        else:
            target = self._root_path.rpartition("/")[2] + "/"
        if query:
            target += f"?{quote(query, safe=PRINTABLE)}"
        headers = {"Location": target, "Cache-Control": "no-cache"}
        # The text is for clients that do not follow redirects, such as curl without -L.
        return Response(f"Moved to {target}\n", 308, headers, "text/plain")
