"""The Redis that a URL names, whatever engine it is, as the nodes that keep the keys."""

from __future__ import annotations

from functools import partial

from runtime.redis.client import connect_master, connect_redis
from runtime.redis.cluster import ClusterNodes
from runtime.redis.nodes import Nodes, OneNode
from runtime.redis.url import Address, parse_redis_url


def connect_nodes(
    url: str, *, timeout: float = 5.0, max_connections: int = 32, only_reads: bool = False
) -> Nodes:
    """The nodes at `url`, as `parse_redis_url` reads it; they are connected to when first used.

    Of each node holds what `connect_redis` says of one server.
    """
    parsed = parse_redis_url(url)
    connect = partial(
        connect_redis, timeout=timeout, max_connections=max_connections, only_reads=only_reads
    )
    if parsed.server:
        return OneNode(connect(parsed.server))
    if parsed.master:
        master = connect_master(
            parsed.node(Address("master", 1)),
            parsed.addresses,
            parsed.master,
            timeout=timeout,
            max_connections=max_connections,
            only_reads=only_reads,
        )
        return OneNode(master)
    return ClusterNodes(lambda address: connect(parsed.node(address)), parsed.addresses)
