#!/bin/sh
# Makes the passwords of Redis's users, or replaces one while everything runs:
#
#     docker compose run --rm passwords rotate api
#
# or opens a shell in which redis-cli has all rights: docker compose run --rm passwords shell
#
# Each service has a volume that holds its own password alone. Redis has only digests of them.
# NODES are the servers of Redis, `redis` unless the profile sentinel or cluster is used.
set -eu

all=${SECRETS:-/secrets}
rights=${RIGHTS:-/redis-acl.conf}
nodes=${NODES:-redis}
users="collector api operator replica sentinel"
venues="binance bitfinex coinbase"

new_password() {
    head -c 32 /dev/urandom | sha256sum | cut -d ' ' -f 1
}

digest() {
    printf %s "$1" | sha256sum | cut -d ' ' -f 1
}

# Writes a password, which replaces the one before at once.
write() {
    mkdir -p "$all/$1"
    printf '%s\n' "$2" >"$all/$1/new"
    chmod 444 "$all/$1/new"
    mv "$all/$1/new" "$all/$1/password"
}

password_of() {
    cat "$all/$1/password"
}

# Repeats the keys of Kraken for each other venue.
with_venues() {
    awk -v venues="$venues" '{
        count = split(venues, venue, " ")
        for (i = 1; i <= NF; i++) {
            line = line (i > 1 ? " " : "") $i
            if ($i ~ /^(%R)?~kraken:/)
                for (j = 1; j <= count; j++) {
                    other = $i
                    sub(/~kraken:/, "~" venue[j] ":", other)
                    line = line " " other
                }
        }
        print line
    }'
}

# Prints the line of a user in Redis's file, with the digest of the password.
line_of() {
    case $1 in
        collector | api)
            grep "^user $1 " "$rights" | sed "s/ >[^ ]*/ #$(digest "$(password_of "$1")")/" |
                with_venues
            ;;
        operator)
            echo "user operator on #$(digest "$(password_of operator)") ~* &* +@all"
            ;;
        replica)
            echo "user replica on #$(digest "$(password_of replica)") resetchannels -@all +psync +replconf +ping"
            ;;
        sentinel)
            echo "user sentinel on #$(digest "$(password_of sentinel)") allchannels -@all +multi +exec" \
                "+slaveof +replicaof +ping +subscribe +publish +config|rewrite +role +info" \
                "+client|setname +client|kill +script|kill"
            ;;
    esac
}

# The health check needs no password: anybody may ask whether Redis answers, and nothing else.
# Nobody can be the default user, whose rights Redis needs to load its append-only file.
write_users() {
    {
        echo "user default off ~* &* +@all"
        echo "user health on nopass resetchannels -@all +ping"
        echo "user exporter on nopass resetchannels -@all +ping +info +client|setname +dbsize +slowlog|len +slowlog|get +latency|latest +latency|histogram +cluster|info"
        for user in $users; do line_of "$user"; done
    } >"$all/redis/users.acl"
    printf 'masteruser replica\nmasterauth %s\n' "$(password_of replica)" >"$all/redis/replication.conf"
    chmod 400 "$all/redis/users.acl" "$all/redis/replication.conf"
    # Redis writes its users itself, when one is changed.
    chown -R 999:1000 "$all/redis"
}

create() {
    for user in $users; do
        [ -s "$all/$user/password" ] || write "$user" "$(new_password)"
    done
    if [ -s "$all/redis/users.acl" ] && [ "$all/redis/users.acl" -nt "$rights" ]; then
        return
    fi
    mkdir -p "$all/redis"
    chown 0:0 "$all/redis"
    rm -f "$all/redis/users.acl" "$all/redis/replication.conf"
    write_users
    echo "the users of Redis are written"
}

as_operator() {
    host=$1
    shift
    REDISCLI_AUTH=$(password_of operator) redis-cli -e -h "$host" --user operator "$@" >/dev/null
}

# Both passwords are valid while the file is replaced. Open connections stay.
rotate() {
    user=$1
    case $user in
        collector | api | operator) ;;
        *)
            echo "passwords: $user: name one of collector, api, operator" >&2
            exit 2
            ;;
    esac
    following=$(new_password)
    # Saved before the file is replaced: if this script ends here, both passwords work.
    for node in $nodes; do
        as_operator "$node" ACL SETUSER "$user" "#$(digest "$following")"
        as_operator "$node" ACL SAVE
    done
    write "$user" "$following"
    for node in $nodes; do
        # This also removes the password of a replacement that was ended at this point.
        as_operator "$node" ACL SETUSER "$user" resetpass "#$(digest "$following")"
        as_operator "$node" ACL SAVE
    done
    echo "the password of $user is replaced"
}

case ${1:-} in
    create) create ;;
    rotate) rotate "${2:-}" ;;
    shell)
        REDISCLI_AUTH=$(password_of operator)
        ENV=/data/shell
        export REDISCLI_AUTH ENV
        echo "alias redis-cli='redis-cli -h ${nodes%% *} --user operator'" >"$ENV"
        exec sh -i
        ;;
    *)
        echo "usage: passwords create | rotate USER | shell" >&2
        exit 2
        ;;
esac
