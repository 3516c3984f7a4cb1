-- How a hold ends: as captured or as voided, once, and remembered for as long as anybody may ask.
--   KEYS[1] account    KEYS[2] caps    KEYS[3] open holds    KEYS[4] the same by age
--   KEYS[5] ended holds of the lead's day
--   ARGV[2] hold    ARGV[3] how long its end is remembered, in milliseconds
local ACCOUNT, CAPS, OPEN, AGE, ENDED = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local HOLD, KEPT_MS = ARGV[2], tonumber(ARGV[3])

local function end_hold(account, hold, is_used)
  settle_caps(CAPS, hold, is_used)
  redis.call('HDEL', OPEN, HOLD)
  redis.call('ZREM', AGE, HOLD)
  account.held = account.held - hold.amount
end

local function remember(ended)
  redis.call('HSET', ENDED, HOLD, ended)
  redis.call('PEXPIREAT', ENDED, int(now + KEPT_MS))
end
