-- Gives up the lease of a shard, if it is still its owner's: KEYS 1 the lease, ARGV 1 the owner.

local held = redis.pcall('GET', KEYS[1])
if type(held) == 'table' then
    -- What holds another type is nobody's lease.
    if string.find(held.err, '^WRONGTYPE') then return 0 end
    return held
end
local owner = string.match(held or '', '^%d+ (.*)$')
if owner == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
