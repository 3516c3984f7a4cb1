-- Counters of caps: `<used> <held> <when its window ends, or ->`. A counter is dropped some days
-- after its window, when no hold counts on it; one that a hold still counts on is looked at again a
-- day later, so that it does not stand before others.
local DAY_MS = 86400000
local KEPT_AFTER_WINDOW_MS = 7 * DAY_MS
local DROPPED_AT_ONCE = 16

local function load_cap(key, counter)
  local text = redis.call('HGET', key, counter)
  if not text then return nil end
  local used, held, ends = string.match(text, '^(%d+) (%d+) (%S+)$')
  if not used then error('CORRUPT cap') end
  return { used = tonumber(used), held = tonumber(held), ends = ends }
end

local function save_cap(key, counter, cap)
  redis.call('HSET', key, counter, table.concat({ int(cap.used), int(cap.held), cap.ends }, ' '))
end

local function drop_old_caps(key, ends_key)
  local over = redis.call('ZRANGEBYSCORE', ends_key, '-inf', int(now - KEPT_AFTER_WINDOW_MS),
    'LIMIT', 0, DROPPED_AT_ONCE)
  for _, counter in ipairs(over) do
    local cap = load_cap(key, counter)
    if not cap or cap.held == 0 then
      redis.call('HDEL', key, counter)
      redis.call('ZREM', ends_key, counter)
    else
      redis.call('ZADD', ends_key, int(now - KEPT_AFTER_WINDOW_MS + DAY_MS), counter)
    end
  end
end

-- The charges of an open hold: `<amount> <taken at>`, then ` <add> <bytes>:<counter>` for each.
local function parse_hold(text)
  local amount, taken_at, rest = string.match(text, '^(%d+) (%d+)()')
  if not amount then error('CORRUPT hold') end
  local hold = { amount = tonumber(amount), taken_at = tonumber(taken_at), charges = {} }
  while rest <= #text do
    local add, bytes, start = string.match(text, '^ (%d+) (%d+):()', rest)
    if not add then error('CORRUPT hold') end
    rest = start + tonumber(bytes)
    hold.charges[#hold.charges + 1] =
      { add = tonumber(add), counter = string.sub(text, start, rest - 1) }
  end
  return hold
end

local function settle_caps(key, hold, is_used)
  for _, charge in ipairs(hold.charges) do
    local cap = load_cap(key, charge.counter)
    if cap then
      cap.held = cap.held - charge.add
      if is_used then cap.used = cap.used + charge.add end
      save_cap(key, charge.counter, cap)
    end
  end
end
