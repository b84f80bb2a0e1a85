"""An HTTP proxy that supports only CONNECT and connects every client to the same port."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
from typing import Self


class ConnectProxy:
    """A proxy to one `port` of this machine; `asked` lists the targets that clients requested."""

    def __init__(self, port: int) -> None:
        self.asked: list[str] = []
        proxy = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                request = self.rfile.readline().decode()
                while self.rfile.readline().strip():
                    pass
                proxy.asked.append(request.split()[1])
                with socket.create_connection(("127.0.0.1", port)) as beyond:
                    self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                    back = threading.Thread(target=_forward, args=(beyond, self.connection))
                    back.start()
                    _forward(self.connection, beyond)
                    back.join()

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """The proxy's address in the form of HTTPS_PROXY."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _forward(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    for each in (source, target):
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
