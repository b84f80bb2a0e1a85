"""Answers that the server sends without an application before it closes a connection."""

from __future__ import annotations


def _plain_answer(status: str, text: str, *headers: str) -> bytes:
    lines = (
        f"HTTP/1.1 {status}",
        "content-type: text/plain; charset=utf-8",
        f"content-length: {len(text)}",
        *headers,
        "connection: close",
    )
    return "\r\n".join((*lines, "", text)).encode()


MALFORMED = _plain_answer("400 Bad Request", "This is not a valid HTTP/1.1 request.\n")
TOO_LONG = _plain_answer(
    "431 Request Header Fields Too Large", "The head of the request is too long.\n"
)
TOO_SLOW = _plain_answer("408 Request Timeout", "The head of the request took too long.\n")
NO_ROOM = _plain_answer(
    "503 Service Unavailable", "Too many connections are open; try again.\n", "retry-after: 1"
)
