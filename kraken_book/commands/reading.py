"""What all subcommands that read from an api have in common: their variables."""

from __future__ import annotations

from kraken_book.client.address import DEFAULT_URL, KEY_VARIABLE, URL_VARIABLE

READER_VARIABLES = {
    f"{URL_VARIABLE} ({DEFAULT_URL})": "the api, or a load balancer in front of it",
    f"{KEY_VARIABLE} (unset)": "the key, sent as a Bearer token",
    "HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY": "proxies; never for addresses of this machine",
    "SSL_CERT_FILE, SSL_CERT_DIR": "trusted certificates instead of the system's",
}
"""The environment variables of these subcommands, each with a line of help."""
