-- Takes or renews the lease of a shard.
--
-- KEYS 1 the lease   ARGV 1 the owner (no spaces), 2 its time to live in ms, 3 the newest epoch seen
--
-- Replies {1, epoch} to the owner: the epoch of before, or one that is newer than every epoch seen,
-- where the lease is new or a newer epoch than its own was seen. Replies {0, owner, epoch} where
-- another leads.

local epoch, owner = string.match(redis.call('GET', KEYS[1]) or '', '^(%d+) (.*)$')
if owner and owner ~= ARGV[1] then return {0, owner, tonumber(epoch)} end

local seen = tonumber(ARGV[3])
if not owner or tonumber(epoch) < seen then
    local time = redis.call('TIME')
    local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
    epoch = string.format('%.0f', math.max(now, seen + 1))
end
redis.call('SET', KEYS[1], epoch .. ' ' .. ARGV[1], 'PX', ARGV[2])
return {1, tonumber(epoch)}
