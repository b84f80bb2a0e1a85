#!/bin/sh
# Starts a server of Redis with the users of `passwords`; other options follow as arguments.
#
# noeviction: a full Redis refuses writes, and collectors and readers report it. An eviction would
# lose books silently.
set -eu
exec redis-server /secrets/replication.conf --aclfile /secrets/users.acl --appendonly yes --save "" \
    --maxmemory "${REDIS_MAXMEMORY:-512mb}" --maxmemory-policy noeviction "$@"
