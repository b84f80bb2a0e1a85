-- Gives up the lease of a shard, if it is still its owner's: KEYS 1 the lease, ARGV 1 the owner.

local owner = string.match(redis.call('GET', KEYS[1]) or '', '^%d+ (.*)$')
if owner == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
