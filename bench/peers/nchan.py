"""nchan: nginx with Debian's `libnginx-mod-nchan`, one process, and a publisher for it."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Sequence
from pathlib import Path

from bench.load.market_events import MarketEvent, stamped
from bench.load.publishers import STUCK_SECONDS
from bench.peers.process import NotInstalled, PeerProcess

MODULE = Path("/usr/lib/nginx/modules/ngx_nchan_module.so")
PATH = "/sub"
_ANSWER = b"HTTP/1.1 20"
# It keeps as many messages as our streams, and has no limit that a benchmark reaches.
_CONFIG = """
load_module {module};
daemon off;
master_process off;
pid {folder}/nginx.pid;
worker_rlimit_nofile 65536;
events {{ worker_connections 30000; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    keepalive_requests 1000000000;
    nchan_shared_memory_size 256m;
    server {{
        listen 127.0.0.1:{port};
        location = /pub {{
            nchan_publisher;
            nchan_channel_id book;
            nchan_message_buffer_length 20000;
            nchan_message_timeout 300s;
        }}
        location = {path} {{
            nchan_subscriber eventsource;
            nchan_channel_id book;
            nchan_subscriber_first_message newest;
        }}
    }}
}}
"""


def start_nchan(folder: Path, port: int) -> PeerProcess:
    """Start nginx on `port`, with its files in `folder`; raise NotInstalled if it is missing."""
    nginx = shutil.which("nginx") or "/usr/sbin/nginx"
    if not (Path(nginx).is_file() and MODULE.is_file()):
        raise NotInstalled("nchan: apt-get install libnginx-mod-nchan")
    config = folder / "nginx.conf"
    config.write_text(_CONFIG.format(module=MODULE, folder=folder, port=port, path=PATH))
    command = [nginx, "-e", str(folder / "error.log"), "-p", str(folder), "-c", str(config)]
    return PeerProcess(command, port, folder / "nginx.log", {})


class NchanPublisher:
    """Posts events on one connection, and pipelines those of one batch."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), STUCK_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def publish(self, events: Sequence[MarketEvent]) -> None:
        """Return when nchan has taken the events; raise OSError if it does not."""
        self._socket.sendall(b"".join([_post(stamped(event)) for event in events]))
        answers, taken = b"", 0
        while taken < len(events):
            more = self._socket.recv(65536)
            if not more:
                raise ConnectionError(f"nchan hung up after {answers!r}")
            answers += more
            taken = answers.count(_ANSWER)

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()


def _post(data: bytes) -> bytes:
    return b"POST /pub HTTP/1.1\r\nHost: bench\r\nContent-Length: %d\r\n\r\n%b" % (len(data), data)
