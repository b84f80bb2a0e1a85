"""Redis servers as processes on 127.0.0.1: a cluster, or a master with a Sentinel.

with RedisCluster(folder) as cluster:
    collector = stage.collector(cluster.url, ...)
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from redis import Redis
from redis.backoff import NoBackoff
from redis.crc import key_slot
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError
from redis.retry import Retry

from lab.ports import free_port
from lab.process import lifeline
from lab.waiting import wait_until
from launcher.embedded_redis import find_server

SLOTS = 16384
MASTER = "books"
NODE_TIMEOUT_SECONDS = 1
"""The time after which a cluster declares a node that does not answer dead."""


class RedisServer:
    """One server on a free port; its data survives a restart only with the option `appendonly`.

    Args:
        folder: The folder of the server's own folder.
        name: The name of that folder.
        options: Redis's options.
        user: The user of `client`, who needs no password; None for the default one.

    """

    def __init__(
        self, folder: Path, name: str, options: Mapping[str, object], user: str | None = None
    ) -> None:
        self.port = free_port()
        self.folder = folder / name
        self.folder.mkdir()
        self._options = {
            "port": self.port,
            "bind": "127.0.0.1",
            "save": "",
            "set-proc-title": "no",
            **options,
        }
        self._user = user
        self._arguments: list[str] = []
        self._process: subprocess.Popen[bytes] | None = None
        self.client = self._connect()

    def _connect(self) -> Redis:
        return Redis(
            port=self.port,
            username=self._user,
            password=None if self._user is None else "any",
            decode_responses=True,
            socket_timeout=5,
            retry=Retry(NoBackoff(), 0),
        )

    @property
    def url(self) -> str:
        """The address of this server for clients."""
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The server's process."""
        assert self._process is not None, "the server was not started"
        return self._process

    def start(self, *first: str) -> None:
        """Start the server; return when it answers.

        Args:
            first: Arguments that precede the options; without any, those of the last start.

        """
        self._arguments = list(first) or self._arguments
        options = [part for name, value in self._options.items() for part in _option(name, value)]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(find_server()), *self._arguments, *options],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,
                preexec_fn=lifeline(),  # noqa: PLW1509 - see there
            )
        wait_until(self._answers, f"the server on {self.port} answers")

    def _answers(self) -> bool:
        assert self.process.poll() is None, (self.folder / "log").read_text()
        try:
            return bool(self.client.ping())
        except (RedisError, OSError):
            return False

    @contextlib.contextmanager
    def unable_to_save(self) -> Iterator[None]:
        """Let saves to disk fail until the context ends, so that the server refuses writes."""
        path = self.folder / "dump.rdb"
        # Redis cannot replace a folder that is not empty by a file.
        path.mkdir()
        (path / "full").touch()
        self.client.set("unsaved", "1")
        self.client.config_set("save", "3600 1")
        self.client.bgsave()
        wait_until(self._has_failed_to_save, f"the server on {self.port} cannot save")
        yield
        (path / "full").unlink()
        path.rmdir()
        self.client.bgsave()
        wait_until(lambda: not self._has_failed_to_save(), f"the server on {self.port} saves")

    def _has_failed_to_save(self) -> bool:
        status: Any = self.client.info("persistence")
        return bool(status["rdb_last_bgsave_status"] == "err")

    def kill(self) -> None:
        """Kill the server, as a crash would."""
        self.process.kill()
        self.process.wait()
        self.client.close()

    def freeze(self) -> None:
        """Suspend the server until `resume`."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Continue after `freeze`."""
        self.process.send_signal(signal.SIGCONT)


class Fleet:
    """Servers that end with their context."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._undo = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as undo:
            undo.push(self._undo)
            self._begin()
            undo.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._undo.close()

    def _begin(self) -> None:
        """Start all servers."""

    def server(self, name: str, **options: object) -> RedisServer:
        """Return a new server that is not yet started; underscores in options become dashes."""
        return self.server_for(None, name, **options)

    def server_for(self, user: str | None, name: str, **options: object) -> RedisServer:
        """Return a new server whose `client` is this user, who needs no password."""
        dashed = {option.replace("_", "-"): value for option, value in options.items()}
        server = RedisServer(self._folder, name, dashed, user)
        self._undo.callback(lambda: server.kill() if server._process else None)
        return server


class RedisCluster(Fleet):
    """Masters that share the slots evenly; if one dies, only its slots are unavailable."""

    def __init__(self, folder: Path, masters: int = 3, **options: object) -> None:
        super().__init__(folder)
        self._options = options
        self.masters = [self._node(f"node-{number}") for number in range(masters)]
        self._replicas: list[RedisServer] = []

    @property
    def _nodes(self) -> list[RedisServer]:
        return [*self.masters, *self._replicas]

    @property
    def url(self) -> str:
        """The address of the cluster for clients."""
        return "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in self.masters)

    def _node(self, name: str) -> RedisServer:
        return self.server(
            name,
            cluster_enabled="yes",
            cluster_node_timeout=NODE_TIMEOUT_SECONDS * 1000,
            cluster_require_full_coverage="no",
            # The default bus port, the server's port plus 10,000, may be in use.
            cluster_port=free_port(),
            appendonly="yes",
            appendfsync="always",
            **self._options,
        )

    def _begin(self) -> None:
        share = -(-SLOTS // len(self.masters))
        for number, node in enumerate(self.masters):
            node.start()
            last = min(SLOTS, (number + 1) * share) - 1
            command(node, "CLUSTER", "ADDSLOTSRANGE", number * share, last)
            command(node, "CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        for node in self.masters[1:]:
            self._meet(node)
        wait_until(self._is_whole, "the cluster is whole")

    def _meet(self, node: RedisServer) -> None:
        bus = node._options["cluster-port"]
        command(self.masters[0], "CLUSTER", "MEET", "127.0.0.1", node.port, bus)

    def _is_whole(self) -> bool:
        infos = [str(command(node, "CLUSTER", "INFO")) for node in self._nodes]
        known = f"cluster_known_nodes:{len(self._nodes)}"
        return all("cluster_state:ok" in info and known in info for info in infos)

    def add_replica(self, master: RedisServer) -> RedisServer:
        """Start and return a replica of `master`, which takes over if the master dies."""
        replica = self._node(f"replica-{len(self._replicas)}")
        replica.start()
        self._replicas.append(replica)
        self._meet(replica)
        wait_until(self._is_whole, "the replica has joined the cluster")
        command(replica, "CLUSTER", "REPLICATE", _id_of(master))
        wait_until(lambda: follows(replica), "the replica follows")
        return replica

    def node_of(self, key: str) -> RedisServer:
        """Return the master of a key, by CLUSTER SLOTS.

        Raises:
            AssertionError: No node serves the key's slot.

        """
        slot = key_slot(key.encode())
        for first, last, (_, port, *_), *_ in self._slots():
            if first <= slot <= last:
                return next(node for node in self._nodes if node.port == port)
        raise AssertionError(f"no node serves the slot {slot}")

    def _slots(self) -> list[Any]:
        for node in self._nodes:
            try:
                return list(command(node, "CLUSTER", "SLOTS"))
            except (RedisError, OSError):
                continue
        raise AssertionError("no node answers")

    def begin_to_move(self, key: str, target: RedisServer) -> RedisServer:
        """Start to migrate the slot of `key` to `target`; return its present node."""
        source, slot = self.node_of(key), key_slot(key.encode())
        command(target, "CLUSTER", "SETSLOT", slot, "IMPORTING", _id_of(source))
        command(source, "CLUSTER", "SETSLOT", slot, "MIGRATING", _id_of(target))
        return source

    def move_keys(self, keys: Sequence[str], source: RedisServer, target: RedisServer) -> None:
        """Move keys of a slot that is being migrated."""
        for key in keys:
            command(source, "MIGRATE", "127.0.0.1", target.port, key, 0, 5000)

    def end_move(self, key: str, target: RedisServer) -> None:
        """Assign the slot of `key` to `target` on every master."""
        slot, node_id = key_slot(key.encode()), _id_of(target)
        others = [node for node in self.masters if node is not target]
        for node in (target, *others):
            command(node, "CLUSTER", "SETSLOT", slot, "NODE", node_id)


class SentinelFleet(Fleet):
    """A master, its replica, and a Sentinel that fails over after a second of silence."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.master = self.server("master", repl_diskless_sync_delay=0)
        self.replica = self.server(
            "replica", replicaof=f"127.0.0.1 {self.master.port}", repl_diskless_sync_delay=0
        )
        self.sentinel = self.server("sentinel")

    @property
    def url(self) -> str:
        """The address of the master for clients, through the Sentinel."""
        return f"redis+sentinel://127.0.0.1:{self.sentinel.port}/{MASTER}/0"

    def _begin(self) -> None:
        self.master.start()
        self.replica.start()
        wait_until(lambda: follows(self.replica), "the replica follows")
        # A Sentinel requires a configuration file that it can rewrite.
        config = self.sentinel.folder / "sentinel.conf"
        config.write_text(
            f"sentinel monitor {MASTER} 127.0.0.1 {self.master.port} 1\n"
            f"sentinel down-after-milliseconds {MASTER} 1000\n"
            f"sentinel failover-timeout {MASTER} 3000\n"
            # Without this line the Sentinel looks for replicas only every ten seconds.
            f"sentinel known-replica {MASTER} 127.0.0.1 {self.replica.port}\n"
        )
        self.sentinel.start(str(config), "--sentinel")
        wait_until(self._knows_replica, "the Sentinel knows the replica")

    def _knows_replica(self) -> bool:
        found = command(self.sentinel, "SENTINEL", "REPLICAS", MASTER)
        return any(f"127.0.0.1:{self.replica.port}" in str(each) for each in found)

    def fail_over(self) -> None:
        """Make the Sentinel promote the replica although the master is healthy."""
        wait_until(self._may_fail_over, "the Sentinel starts the fail-over")

    def _may_fail_over(self) -> bool:
        try:
            command(self.sentinel, "SENTINEL", "FAILOVER", MASTER)
        except ResponseError:
            # The Sentinel does not know the replica's state yet.
            return False
        return True

    def named_master(self) -> int:
        """Return the port of the server that the Sentinel names as the master."""
        _, port = command(self.sentinel, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER)
        return int(port)

    def wait_longer_for_promotions(self, seconds: float) -> None:
        """Let the Sentinel wait so long for each step of a fail-over before it gives up."""
        milliseconds = int(seconds * 1000)
        command(self.sentinel, "SENTINEL", "SET", MASTER, "failover-timeout", milliseconds)

    def wait_for_failover(self) -> None:
        """Wait until the replica is the master."""
        wait_until(lambda: is_master(self.replica), "the replica is promoted")


def follows(replica: RedisServer) -> bool:
    """Return whether the replica is in sync with its master."""
    replication: Any = replica.client.info("replication")
    return bool(replication.get("master_link_status") == "up")


def is_master(server: RedisServer) -> bool:
    """Return whether the server is a master."""
    try:
        return "master" in str(command(server, "ROLE"))
    except RedisConnectionError:
        # A Sentinel closes the connections of the server that it promotes.
        return False


def command(server: RedisServer, *words: object) -> Any:
    """Run one command; return its answer."""
    return server.client.execute_command(*words)  # type: ignore[no-untyped-call]  # redis-py's


def _id_of(server: RedisServer) -> str:
    return str(command(server, "CLUSTER", "MYID"))


def _option(name: str, value: object) -> list[str]:
    return [f"--{name}", *str(value).split(" ")]
