-- Deletes the lease of a shard if the caller still owns it.
--
-- KEYS 1 the lease
-- ARGV 1 the owner
--
-- Returns 1 if the lease was deleted, else 0.

local held = redis.pcall('GET', KEYS[1])
if type(held) == 'table' then
    -- A key of another type is not a lease.
    if string.find(held.err, '^WRONGTYPE') then return 0 end
    return held
end
local owner = string.match(held or '', '^%d+ (.*)$')
if owner == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
