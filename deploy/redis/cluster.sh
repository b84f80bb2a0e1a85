#!/bin/sh
# Joins the nodes to a cluster of three masters, each with a replica, unless they are one already.
set -eu
REDISCLI_AUTH=$(cat /secrets/password)
export REDISCLI_AUTH
# A new cluster does not know names, only addresses.
addresses=
for node in $NODES; do
    address=$(getent hosts "$node" | awk '{print $1; exit}')
    addresses="$addresses $address:6379"
done
first=${NODES%% *}
if redis-cli -h "$first" --user operator cluster info | grep -q "cluster_known_nodes:1[^0-9]*$"; then
    # shellcheck disable=SC2086
    redis-cli --user operator --cluster create $addresses --cluster-replicas 1 --cluster-yes
else
    # The nodes may have other addresses than before.
    for address in $addresses; do
        redis-cli -h "$first" --user operator cluster meet "${address%:*}" 6379
    done
fi
seconds=0
until redis-cli -h "$first" --user operator cluster info | grep -q "cluster_state:ok"; do
    seconds=$((seconds + 1))
    if [ "$seconds" -gt 60 ]; then
        echo "cluster: the nodes $NODES are no whole cluster; see CLUSTER NODES" >&2
        exit 1
    fi
    sleep 1
done
