-- Appends events of a symbol to its stream and updates the hash of its book, atomically. Each event
-- is written once and in order; otherwise the whole call is refused.
--
-- KEYS  1 the book's hash, 2 its stream
-- ARGV  1 epoch of the writer
--       2 confirmed_at: when the newest frame behind this call was read, by Redis's clock, RFC 3339
--       3 retention of the stream in ms      4 maximum length of the stream
--       5 number of runs; then for each run: kind, seq of its first event, number of events, and the
--         data of each event. The events of a run have consecutive seqs.
--       then a mode and the values of the hash's fields, in the order of the HSET at the end:
--         book    the values are a whole verified book at the last event of this call
--         renew   no events. The first argument is the seq of the book; the call is refused if the
--                 stream has newer events, because calls may arrive late
--         status  the values describe a symbol without a book. If the hash has a book, it keeps it,
--                 with its source, depth and precisions, and only the status changes
--         touch   no events. One argument: the seq of the stored book, which is still right
--
-- Returns {1, seq, Redis's time in microseconds, id of the stream's last event}, followed by 'hash' and
-- 'stream' if repaired.
-- Fails before the first write with the errors
--   FENCED epoch seq      a newer epoch has written
--   GAP epoch seq         the events do not follow the last one
--   CORRUPT key message   the key has another type, which this script does not delete
-- The epoch and seq are those of the last event in the stream.
--
-- Damaged values are ignored: an epoch, seq or id that is not a whole number or is too large, and an
-- id whose seq differs from the seq beside it. An epoch may be far ahead of Redis's clock, because
-- the clock may have been set back and the order of events must not change.
--   in the hash               The position is taken from the stream's last event, as if the hash were
--                             missing. The next write of events or of a book repairs it ('hash').
--   in an entry of the stream The entry is foreign, and is skipped.
-- Ids contain the time. An id more than a day ahead of Redis's clock is not continued:
--   in the hash               The next event's id has the current time ('hash').
--   as the stream's last id   Ids must rise, so the stream is deleted, and begins again with the
--                             events of this call ('stream').

-- The fields that are empty in a hash without a book.
local BOOK_FIELDS = {'price_precision', 'qty_precision', 'epoch', 'seq', 'event_id', 'confirmed_at',
    'checksum', 'exchange_time', 'best_bid', 'best_bid_qty', 'best_ask', 'best_ask_qty', 'spread',
    'bids', 'asks'}

local hash, stream = KEYS[1], KEYS[2]
local epoch, confirmed_at = tonumber(ARGV[1]), ARGV[2]
local retention, maxlen, run_count = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
-- Ids may be ahead of a clock that was set back, by at most a day.
local latest_ms = math.floor(now / 1000) + 86400000
-- Lua's numbers are not exact above 2^53. This limit leaves room for a trillion more events.
local GREATEST = 9006000000000000

local function refuse_type(key, failed)
    if not string.find(failed.err, '^WRONGTYPE') then return failed end
    return redis.error_reply('CORRUPT ' .. key .. (key == hash and ' is no hash' or ' is no stream'))
end

local place = redis.pcall('HMGET', hash, 'stream_epoch', 'stream_seq', 'stream_id', 'epoch', 'seq')
if place.err then return refuse_type(hash, place) end

-- The usual case is checked inline, because a function call would slow down every write.
local stream_epoch, stream_seq, stream_id, last_ms = place[1], place[2], place[3], nil
local known = false
if stream_id then
    local ms, id_seq = string.match(stream_id, '^(%d+)%-(%d+)$')
    if ms and id_seq == stream_seq and stream_epoch then
        stream_seq, last_ms = tonumber(id_seq), tonumber(ms)
        known = stream_seq <= GREATEST
        if stream_epoch == ARGV[1] then
            stream_epoch = epoch
        else
            local number = string.find(stream_epoch, '^%d+$') and tonumber(stream_epoch)
            known = known and number and number <= GREATEST
            stream_epoch = number
        end
    end
end

local repaired
if not known then
    if (place[1] or '') ~= '' or (place[2] or '') ~= '' or (place[3] or '') ~= '' then
        repaired = {'hash'}
    end
    stream_epoch, stream_seq, stream_id, last_ms = 0, 0, '0-0', 0
    local entries = redis.pcall('XREVRANGE', stream, '+', '-', 'COUNT', 10)
    if entries.err then return refuse_type(stream, entries) end
    for _, entry in ipairs(entries) do
        local fields = {}
        for i = 1, #entry[2], 2 do fields[entry[2][i]] = entry[2][i + 1] end
        local ms, id_seq = string.match(entry[1], '^(%d+)%-(%d+)$')
        local number = string.find(fields['epoch'] or '', '^%d+$') and tonumber(fields['epoch'])
        if id_seq == fields['seq'] and tonumber(id_seq) <= GREATEST and number and number <= GREATEST then
            stream_epoch, stream_seq, stream_id, last_ms = number, tonumber(id_seq), entry[1], tonumber(ms)
            break
        end
    end
end
local is_ahead = last_ms > latest_ms
if is_ahead then
    last_ms = 0
    if known then repaired = {'hash'} end
end

local function refuse(word)
    return redis.error_reply(string.format('%s %.0f %.0f', word, stream_epoch, stream_seq))
end

if epoch < stream_epoch then return refuse('FENCED') end

-- Find the new events, and check that they follow the last one.
local new_runs = {}
local last_seq = stream_seq
local at = 6
for _ = 1, run_count do
    local kind, seq, length = ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
    local known_events = 0
    if epoch == stream_epoch and #new_runs == 0 then
        known_events = math.min(length, math.max(0, stream_seq - seq + 1))
    end
    seq = seq + known_events
    if known_events < length then
        local opens = #new_runs == 0 and epoch > stream_epoch
        if seq <= last_seq then return refuse('GAP') end
        if opens and kind == 'update' then return refuse('GAP') end
        if not opens and kind ~= 'snapshot' and seq ~= last_seq + 1 then return refuse('GAP') end
        new_runs[#new_runs + 1] = {kind, seq, at + 3 + known_events, at + 2 + length}
        last_seq = seq + length - known_events - 1
    end
    at = at + 3 + length
end
if run_count > 0 and #new_runs == 0 then return {1, stream_seq, now, stream_id} end

local mode = ARGV[at]
if run_count == 0 then
    if epoch ~= stream_epoch or not known or is_ahead then return refuse('GAP') end
    if mode == 'touch' and (place[5] ~= ARGV[at + 1] or place[4] ~= ARGV[1]) then
        return refuse('GAP')
    end
    if mode == 'renew' and tonumber(ARGV[at + 1]) ~= stream_seq then return refuse('GAP') end
end

if mode == 'touch' then
    redis.call('HSET', hash, 'confirmed_at', confirmed_at)
    return {1, stream_seq, now, stream_id}
end

local ms = math.max(math.floor(now / 1000), last_ms)
local ms_text = string.format('%.0f', ms)
local first_run = new_runs[1]
if first_run then
    -- Only the first XADD can fail, and nothing has been written before it.
    local kind, seq, at_data = first_run[1], string.format('%.0f', first_run[2]), first_run[3]
    stream_id = ms_text .. '-' .. seq
    local added = redis.pcall('XADD', stream, stream_id, 'kind', kind, 'seq', seq, 'epoch', ARGV[1], 'data', ARGV[at_data])
    if added.err then
        if not string.find(added.err, ' ID') then return refuse_type(stream, added) end
        -- Another program has appended an entry with a higher id.
        local top = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)[1]
        local top_ms = top and tonumber(string.match(top[1], '^(%d+)'))
        if top_ms and top_ms >= ms and top_ms < latest_ms then
            ms_text = string.format('%.0f', top_ms + 1)
            stream_id = ms_text .. '-' .. seq
            added = redis.pcall('XADD', stream, stream_id, 'kind', kind, 'seq', seq, 'epoch', ARGV[1], 'data', ARGV[at_data])
        end
        -- The last id is too far ahead, or belongs to an entry that was deleted.
        if added.err then
            redis.call('DEL', stream)
            repaired = repaired or {}
            repaired[#repaired + 1] = 'stream'
            ms_text = string.format('%.0f', ms)
            stream_id = ms_text .. '-' .. seq
            redis.call('XADD', stream, stream_id, 'kind', kind, 'seq', seq, 'epoch', ARGV[1], 'data', ARGV[at_data])
        end
    end
end
for n, run in ipairs(new_runs) do
    local kind, seq, first, last = unpack(run)
    for i = (n == 1 and first + 1 or first), last do
        local text = string.format('%.0f', seq + i - first)
        stream_id = ms_text .. '-' .. text
        redis.call('XADD', stream, stream_id, 'kind', kind, 'seq', text, 'epoch', ARGV[1], 'data', ARGV[i])
    end
end

local last_text = string.format('%.0f', last_seq)
if mode == 'status' then
    local set = {'stream_epoch', ARGV[1], 'stream_seq', last_text, 'stream_id', stream_id, 'status', ARGV[at + 1]}
    if not place[5] or place[5] == '' then
        for i, field in ipairs({'symbol', 'source', 'depth', 'proof'}) do
            set[#set + 1] = field
            set[#set + 1] = ARGV[at + 1 + i]
        end
        for _, field in ipairs(BOOK_FIELDS) do
            set[#set + 1] = field
            set[#set + 1] = ''
        end
    end
    redis.call('HSET', hash, unpack(set))
else
    local v = at + (mode == 'renew' and 2 or 1)
    -- The names are literals and the values are passed directly, so that no table is built.
    redis.call('HSET', hash, 'stream_epoch', ARGV[1], 'stream_seq', last_text, 'stream_id', stream_id,
        'epoch', ARGV[1], 'seq', last_text, 'event_id', stream_id, 'confirmed_at', confirmed_at,
        'status', ARGV[v], 'symbol', ARGV[v + 1], 'source', ARGV[v + 2], 'depth', ARGV[v + 3],
        'proof', ARGV[v + 4], 'price_precision', ARGV[v + 5], 'qty_precision', ARGV[v + 6],
        'checksum', ARGV[v + 7], 'exchange_time', ARGV[v + 8], 'best_bid', ARGV[v + 9],
        'best_bid_qty', ARGV[v + 10], 'best_ask', ARGV[v + 11], 'best_ask_qty', ARGV[v + 12],
        'spread', ARGV[v + 13], 'bids', ARGV[v + 14], 'asks', ARGV[v + 15])
end

-- Without new events there is nothing to trim.
if run_count > 0 then
    redis.call('XTRIM', stream, 'MAXLEN', maxlen)
    redis.call('XTRIM', stream, 'MINID', string.format('%.0f', math.floor(now / 1000) - retention))
end
if repaired then return {1, last_seq, now, stream_id, unpack(repaired)} end
return {1, last_seq, now, stream_id}
