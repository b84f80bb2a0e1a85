#!/bin/sh
# Starts a Sentinel. It rewrites its configuration, which is therefore in memory.
set -eu
cat >/tmp/sentinel.conf <<END
port 26379
dir /tmp
sentinel resolve-hostnames yes
sentinel announce-hostnames yes
sentinel announce-ip $(hostname)
sentinel monitor books redis 6379 2
sentinel auth-user books sentinel
sentinel auth-pass books $(cat /secrets/password)
sentinel down-after-milliseconds books 3000
sentinel failover-timeout books 10000
protected-mode no
END
exec redis-server /tmp/sentinel.conf --sentinel
