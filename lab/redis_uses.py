"""Observe which commands and keys each user of a Redis server uses, by MONITOR."""

from __future__ import annotations

import re
import threading
from collections import defaultdict
from typing import Any, Self

from redis import Redis

_END = "end of the observation"
_KEY = re.compile(r'"(kraken(?:-book)?:[^"\s{]+)')
_SCRIPTS = {"eval", "evalsha", "eval_ro", "evalsha_ro", "fcall", "fcall_ro"}
# Subcommands are permissions of their own.
_CONTAINERS = {"client", "cluster", "config", "acl", "command", "script", "xinfo", "object"}

CLOSED = "of a closed connection"
"""The user of commands whose connection was closed before anybody looked at it."""
# Seconds between two looks at the connections.
CLIENTS_INTERVAL = 0.05


class RedisUses:
    """The commands and keys of each user, while the context is open.

    Commands of a script count as those of the user who called it. Redis does not show AUTH and
    HELLO here, which every user may call.

    Args:
        url: The address of the server, for a user who may call MONITOR and CLIENT LIST.
    """

    def __init__(self, url: str) -> None:
        # Without a timeout, because the services may be silent for a while.
        self._server = Redis.from_url(url, decode_responses=True, socket_timeout=None)
        self._users: dict[str, str] = {}
        self._caller = ""
        self._ended = threading.Event()
        self._clients_thread = threading.Thread(target=self._follow_clients, daemon=True)
        self.commands: dict[str, set[str]] = defaultdict(set)
        """The commands of each user, with subcommands such as `cluster|slots`."""
        self.keys: dict[str, set[str]] = defaultdict(set)
        """The keys of each user, each up to its hash tag: `kraken:book:`."""

    def __enter__(self) -> Self:
        self._monitor = self._server.monitor()  # type: ignore[no-untyped-call]
        self._monitor.__enter__()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._clients_thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        # The thread sees everything that came before.
        self._server.echo(_END)
        self._thread.join()
        self._ended.set()
        self._clients_thread.join()
        self._monitor.__exit__(None, None, None)
        self._server.close()

    def _run(self) -> None:
        while _END not in (line := self._monitor.next_command())["command"]:
            self._note(line)

    def _follow_clients(self) -> None:
        """Learn the users of connections while these are open: commands may be read much later."""
        while not self._ended.wait(CLIENTS_INTERVAL):
            self._learn_users()

    def _learn_users(self) -> None:
        clients: list[dict[str, str]] = self._server.client_list()
        self._users |= {each["addr"]: each["user"] for each in clients}

    def _note(self, line: dict[str, Any]) -> None:
        name, *arguments = line["command"].split(" ")
        name = name.lower()
        if line["client_type"] == "lua":
            user = self._caller
        else:
            user = self._user_of(f"{line['client_address']}:{line['client_port']}")
            if name in _SCRIPTS:
                self._caller = user
        if name in _CONTAINERS:
            name = f"{name}|{arguments[0].lower()}"
        self.commands[user].add(name)
        self.keys[user].update(_KEY.findall(f'"{line["command"].replace(" ", chr(34) + chr(34))}'))

    def _user_of(self, address: str) -> str:
        # A connection that was seen before its AUTH was still the default user's.
        if self._users.get(address, "default") == "default":
            self._learn_users()
        return self._users.get(address, CLOSED)
