"""A password of Redis in a file, which is read for each new connection."""

from __future__ import annotations

from pathlib import Path

from redis.credentials import CredentialProvider

__all__ = ["PasswordFile"]


class PasswordFile(CredentialProvider):
    """Reads the password from its file for each new connection, so that it can be replaced.

    Args:
        user: The user; empty for the default one.
        path: The file. White space around the password is ignored.
    """

    def __init__(self, user: str, path: Path) -> None:
        self._user = user
        self._path = path

    def get_credentials(self) -> tuple[str] | tuple[str, str]:
        """Return user and password; raise OSError if the file cannot be read."""
        password = self._path.read_text(errors="replace").strip()
        return (self._user, password) if self._user else (password,)

    async def get_credentials_async(self) -> tuple[str] | tuple[str, str]:
        """Return user and password; raise OSError if the file cannot be read."""
        # The file is small, and local.
        return self.get_credentials()
