-- Takes or renews the lease of a shard.
--
-- KEYS 1 the lease
-- ARGV 1 the owner (no spaces; empty: only look), 2 its time to live in ms, 3 the newest epoch seen
--
-- Replies {1, epoch} to the owner: the epoch of before, or one that is newer than every epoch seen,
-- if the lease is new or a newer epoch than its own was seen. Replies {0, owner, epoch} if another
-- leads, {0} if it is free and the caller only looks. A word more says what was wrong with it:
--   replaced   it was not `<epoch> <owner>`, or its epoch cannot be, and is the caller's now
--   endless    it had no end, or one further away than any leader sets; it ends in ARGV 2 now,
--              unless its owner lives and renews it
-- An epoch that is too large cannot be; of another's lease it is told as 0. Refuses with the error
--   CORRUPT key what   the key holds another type, which this script does not overwrite

-- The longest life that a collector can be told to give it.
local LONGEST_MS = 60000
-- Numbers above 2^53 are not exact here.
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
    -- Users of an older ACL may not ask for it; then it has an end, as far as is known.
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
