-- Acquires or renews the lease of a shard.
--
-- KEYS 1 the lease
-- ARGV 1 the owner (empty: only read the lease), 2 the time to live in ms, 3 the newest epoch seen
--
-- Returns
--   {1, epoch}         the caller owns the lease. The epoch is unchanged, unless the lease is new or
--                      the caller has seen a newer epoch: then it is newer than every epoch seen.
--   {0, owner, epoch}  another collector owns the lease. An epoch that is too large is returned as 0.
--   {0}                the lease is free, and the caller only reads it.
-- One more word reports a damaged lease:
--   replaced  the value was not `<epoch> <owner>`, or its epoch was too large; the caller owns it now
--   endless   the lease had no expiry, or a later one than any leader sets. It now expires after
--             ARGV 2, unless its owner renews it.
-- Fails with the error
--   CORRUPT key message   the key has another type, which this script does not overwrite

-- The longest time to live that a collector accepts in its settings.
local LONGEST_MS = 60000
-- Lua's numbers are not exact above 2^53.
local GREATEST = 9006000000000000

local held = redis.pcall('GET', KEYS[1])
if type(held) == 'table' then
    if not string.find(held.err, '^WRONGTYPE') then return held end
    return redis.error_reply('CORRUPT ' .. KEYS[1] .. ' is no string')
end

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local seen = tonumber(ARGV[3])
local epoch_text, owner = string.match(held or '', '^(%d+) (.+)$')
local epoch = tonumber(epoch_text or 0)
if epoch > GREATEST then epoch = 0 end

if owner and owner ~= ARGV[1] then
    -- A user of an older ACL may not call PTTL. If so, assume that the lease expires.
    local life = redis.pcall('PTTL', KEYS[1])
    if type(life) ~= 'number' or (life >= 0 and life <= LONGEST_MS) then return {0, owner, epoch} end
    redis.call('SET', KEYS[1], held, 'PX', ARGV[2])
    return {0, owner, epoch, 'endless'}
end
if ARGV[1] == '' then return {0} end

local is_replaced = held and epoch == 0
if epoch < seen or epoch == 0 then epoch = math.max(now, seen + 1) end
redis.call('SET', KEYS[1], string.format('%.0f', epoch) .. ' ' .. ARGV[1], 'PX', ARGV[2])
if is_replaced then return {1, epoch, 'replaced'} end
return {1, epoch}
