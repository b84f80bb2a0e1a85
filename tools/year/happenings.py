"""What happens in a year, one at a time and at random: replacements, rotations, failures."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from itertools import islice

from lab.redis_fleet import RedisServer, follows, is_master
from lab.sse.stream import SseStream
from lab.waiting import wait_until
from tools.year.house import ELECTION_TIMEOUT, SYMBOLS, House, bearer, leads

READERS = 12
EVENTS_OF_A_READER = 40
PATHS = (
    "/stream?symbols=*",
    "/stream?symbols=*&view=top&interval=100ms",
    "/stream?symbols=BTC/USD,ETH/USD&levels=5&interval=50ms",
    "/stream/BTC%2FUSD",
    "/stream?symbols=*/USD&levels=3&interval=250ms",
)


class Happenings:
    """Lets things happen to a house, and waits after each until the house is whole again.

    Args:
        house: The running processes.
        seed: The seed of the choice.

    """

    def __init__(self, house: House, seed: int) -> None:
        self.counts: Counter[str] = Counter()
        self._house = house
        self._random = random.Random(seed)
        # Those that cost the most time are rarer.
        self._kinds: list[Callable[[], None]] = [
            *[self.connections_drop] * 3,
            *[self.checksum_differs] * 3,
            *[self.readers_come_and_go] * 4,
            *[self.keys_rotate] * 2,
            *[self.replica_is_replaced] * 3,
            *[self.replica_is_killed] * 2,
            *[self.standby_is_replaced] * 2,
            self.leader_is_killed,
            self.kept_leader_hangs,
            self.redis_fails_over,
            self.redis_master_is_killed,
        ]

    def next(self) -> str:
        """Let something happen; return its name when the house is whole again."""
        kind = self._random.choice(self._kinds)
        name = kind.__name__.replace("_", " ")
        kind()
        self.counts[name] += 1
        return name

    def connections_drop(self) -> None:
        """End all connections to the venue."""
        self._house.simulator.fault("drop")

    def checksum_differs(self) -> None:
        """Corrupt an update of one book, which is then subscribed again."""
        self._house.simulator.fault(f"corrupt?symbol={self._random.choice(SYMBOLS)}")

    def readers_come_and_go(self) -> None:
        """Open streams with the current key, read some events of each, and leave."""
        house = self._house
        for number in range(READERS):
            path = PATHS[number % len(PATHS)]
            with SseStream(house.balancer.url, path, bearer(house.keys.current)) as stream:
                list(islice(stream.events(), EVENTS_OF_A_READER))

    def keys_rotate(self) -> None:
        """Add a key, use it at each replica, and withdraw the key before it."""
        house = self._house
        following = house.keys.add_next()
        self._wait_for_answers(following, 200)
        old = house.keys.replace_current(following)
        self._wait_for_answers(old, 401)

    def replica_is_replaced(self) -> None:
        """Stop a replica with SIGTERM, as a deployment does, and start it again."""
        assert self._house.other_api.stop() == 0
        self._start_replica()

    def replica_is_killed(self) -> None:
        """Kill a replica, and start it again."""
        self._house.other_api.kill()
        self._start_replica()

    def standby_is_replaced(self) -> None:
        """Stop a collector with SIGTERM, as a deployment does, and start it again."""
        assert self._house.other_collector.stop() == 0
        self._house.leader()
        self._start_collector()

    def leader_is_killed(self) -> None:
        """Kill the collector that leads if it is not the kept one, and start it again."""
        house = self._house
        if not leads(house.other_collector):
            self._hang_kept_leader()
        house.other_collector.kill()
        wait_until(lambda: leads(house.collector), "the kept collector leads", ELECTION_TIMEOUT)
        self._start_collector()

    def kept_leader_hangs(self) -> None:
        """Suspend the kept collector until the other one leads."""
        if leads(self._house.collector):
            self._hang_kept_leader()

    def redis_fails_over(self) -> None:
        """Let the Sentinel promote the replica of a healthy Redis."""
        before = self._house.master()
        self._house.fleet.fail_over()
        self._wait_for_master_after(before)

    def redis_master_is_killed(self) -> None:
        """Kill the master of Redis, and start it again when its replica leads."""
        before = self._house.master()
        before.kill()
        self._wait_for_master_after(before, starts=True)

    def _hang_kept_leader(self) -> None:
        house = self._house
        house.collector.freeze()
        try:
            wait_until(lambda: leads(house.other_collector), "the other leads", ELECTION_TIMEOUT)
        finally:
            house.collector.resume()
        house.collector.wait_until_live(len(SYMBOLS))

    def _wait_for_master_after(self, before: RedisServer, *, starts: bool = False) -> None:
        fleet = self._house.fleet
        old, new = fleet.master, fleet.replica
        if before is not old:
            old, new = new, old
        try:
            # Before it has decided, a Sentinel would take an old master that returns as the master.
            wait_until(
                lambda: fleet.named_master() == new.port, "the replica leads", ELECTION_TIMEOUT
            )
            if starts:
                old.start()
            # Not the old one: a Sentinel on a busy machine may fail over again, and back.
            wait_until(
                self._has_one_master, "one server leads, and the other follows", ELECTION_TIMEOUT
            )
        except AssertionError as error:
            raise AssertionError(f"{error}\n{_logs_of(fleet.sentinel, old, new)}") from None

    def _has_one_master(self) -> bool:
        fleet = self._house.fleet
        named, other = fleet.master, fleet.replica
        if fleet.named_master() == other.port:
            named, other = other, named
        return is_master(named) and follows(other)

    def _start_replica(self) -> None:
        self._house.other_api.restart()
        self._house.other_api.answers(self._house.other_api.ops_url("/readyz"))
        wait_until(lambda: len(self._house.balancer.ready) == 2, "both replicas are ready")

    def _start_collector(self) -> None:
        self._house.other_collector.restart()
        self._house.other_collector.wait_until_live(len(SYMBOLS))

    def _wait_for_answers(self, key: str, status: int) -> None:
        for api in (self._house.api, self._house.other_api):
            api.answers("/symbols", status, headers=bearer(key))


def _logs_of(*servers: RedisServer) -> str:
    """Return the ends of the logs of servers of Redis."""
    return "\n".join(
        f"{server.folder.name} (port {server.port}):\n{(server.folder / 'log').read_text()[-3000:]}"
        for server in servers
    )
