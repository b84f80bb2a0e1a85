# Write the users with the hashes of their passwords, and start Redis.
set -eu
config=${CONFIG:-/etc/redis} passwords=${PASSWORDS:-/etc/redis-passwords} run=${RUN:-/run/redis}
umask 077
cp "$config/users.acl" "$run/users.acl"
for user in $(sed -n 's/^user \([a-z]*\) on #@.*/\1/p' "$config/users.acl"); do
    hash=$(sha256sum "$passwords/$user-password" | cut -d ' ' -f 1)
    sed -i "s/@$user@/$hash/" "$run/users.acl"
done
exec redis-server "$config/redis.conf" --aclfile "$run/users.acl"
