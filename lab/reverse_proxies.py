"""nginx, HAProxy and Caddy with the configurations of `deploy/proxies`.

Only addresses, names and certificates of a configuration are replaced.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import trustme

from lab.ports import free_port
from lab.process import ROOT
from lab.waiting import wait_until

CONFIGURATIONS = ROOT / "deploy" / "proxies"
EXAMPLE_REPLICAS = ("10.0.0.11:3000", "10.0.0.12:3000")
EXAMPLE_HOST = "books.example.com"
HOST = "localhost"
_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def find_proxy(name: str) -> str | None:
    """Return the path of a proxy's program; None if it is not installed."""
    return shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")


class Certificates:
    """A certificate for `localhost`, and the authority that issued it, as files in a folder."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        issued = authority.issue_cert(HOST)
        self.authority = folder / "authority.pem"
        self.chain, self.key = folder / "chain.pem", folder / "key.pem"
        self.both = folder / "both.pem"
        authority.cert_pem.write_to_path(self.authority)
        issued.cert_chain_pems[0].write_to_path(self.chain)
        issued.private_key_pem.write_to_path(self.key)
        issued.private_key_and_cert_chain_pem.write_to_path(self.both)


@contextmanager
def reverse_proxy(
    name: str, replicas: Sequence[int], certificates: Certificates, folder: Path
) -> Iterator[str]:
    """Start nginx, haproxy or caddy in front of two ports.

    Args:
        name: The name of the program, which must be installed.
        replicas: The ports of both replicas.
        certificates: The certificate that it serves.
        folder: A folder for its files.

    Yields:
        The HTTPS address.

    """
    port = free_port()
    command = _COMMANDS[name](_example(name, replicas), port, certificates, folder)
    log = folder / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [find_proxy(name) or name, *command],
            stdout=output,
            stderr=output,
            env={**os.environ, "HOME": str(folder), "XDG_DATA_HOME": str(folder)},
        )
    try:

        def listens() -> bool:
            assert process.poll() is None, log.read_text()
            return _is_open(port)

        wait_until(listens, f"{name} listens")
        yield f"https://{HOST}:{port}"
    finally:
        process.terminate()
        process.wait(10)


def _example(name: str, replicas: Sequence[int]) -> str:
    file = {"nginx": "nginx.conf", "haproxy": "haproxy.cfg", "caddy": "Caddyfile"}[name]
    text = (CONFIGURATIONS / file).read_text()
    for example, port in zip(EXAMPLE_REPLICAS, replicas, strict=True):
        text = _replace(text, example, f"127.0.0.1:{port}")
    return text


def _replace(text: str, old: str, new: str) -> str:
    assert old in text, f"the configuration has no {old!r}"
    return text.replace(old, new)


def _nginx(text: str, port: int, certificates: Certificates, folder: Path) -> list[str]:
    text = _replace(text, "listen 443", f"listen 127.0.0.1:{port}")
    text = _replace(text, EXAMPLE_HOST, HOST)
    text = _replace(text, "/etc/ssl/books.pem", str(certificates.chain))
    text = _replace(text, "/etc/ssl/books.key", str(certificates.key))
    places = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in _TEMPORARY)
    file = folder / "nginx.conf"
    file.write_text(
        f"daemon off; pid {folder}/nginx.pid; events {{}}"
        f" http {{ access_log off; {places}\n{text}\n}}"
    )
    return ["-e", "stderr", "-c", str(file)]


def _haproxy(text: str, port: int, certificates: Certificates, folder: Path) -> list[str]:
    text = _replace(text, "bind :443", f"bind 127.0.0.1:{port}")
    text = _replace(text, EXAMPLE_HOST, HOST)
    text = _replace(text, "/etc/haproxy/books.pem", str(certificates.both))
    file = folder / "haproxy.cfg"
    file.write_text(text)
    return ["-db", "-f", str(file)]


def _caddy(text: str, port: int, certificates: Certificates, folder: Path) -> list[str]:
    # Caddy would ask for a certificate, and listen on port 80 to redirect.
    text = _replace(text, "\n{\n", "\n{\n\tadmin off\n\tauto_https disable_redirects\n")
    site = f"{HOST}:{port} {{\n\tbind 127.0.0.1\n"
    site += f"\ttls {certificates.chain} {certificates.key}\n"
    text = _replace(text, f"{EXAMPLE_HOST} {{\n", site)
    text = _replace(text, EXAMPLE_HOST, HOST)
    file = folder / "Caddyfile"
    file.write_text(text)
    return ["run", "--config", str(file), "--adapter", "caddyfile"]


_COMMANDS = {"nginx": _nginx, "haproxy": _haproxy, "caddy": _caddy}
PROXIES = tuple(_COMMANDS)


def _is_open(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
