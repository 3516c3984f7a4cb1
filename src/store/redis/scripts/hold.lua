-- Holds money and cap room, if there is enough of both.
--   KEYS[1] account    KEYS[2] caps    KEYS[3] open holds    KEYS[4] the same by age
--   KEYS[5] ended holds of the lead's day    KEYS[6] ends of the caps' windows
--   ARGV[2] hold    ARGV[3] amount    ARGV[4] credit limit or nothing
--   ARGV[5..] of each cap: rule, counter, limit, what it adds, the end of its window or -
local ACCOUNT, CAPS, OPEN, AGE, ENDED, ENDS =
  KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local HOLD, AMOUNT = ARGV[2], tonumber(ARGV[3])
local account = load_account(ACCOUNT)

local open = redis.call('HGET', OPEN, HOLD)
if open then
  if parse_hold(open).amount ~= AMOUNT then
    return account_reply(account, 'limit a hold of another amount is there')
  end
  return account_reply(account, 'held')
end
local ended = redis.call('HGET', ENDED, HOLD)
if ended then return account_reply(account, ended) end

local held = account.held + AMOUNT
local owed = account.posted + held
if held > MONEY_MAX or owed > MONEY_MAX
  or (ARGV[4] ~= '' and owed > account.deposited + tonumber(ARGV[4])) then
  return account_reply(account, 'refused balance')
end
local caps = {}
for index = 5, #ARGV, 5 do
  local rule, counter, limit, add, ends = unpack(ARGV, index, index + 4)
  local cap = load_cap(CAPS, counter)
  local is_new = not cap
  cap = cap or { used = 0, held = 0, ends = ends }
  add = tonumber(add)
  if cap.used + cap.held + add > tonumber(limit) then
    return account_reply(account, 'refused ' .. rule)
  end
  caps[#caps + 1] = { cap = cap, counter = counter, add = add, is_new = is_new }
end

local record = { int(AMOUNT) .. ' ' .. int(now) }
local has_new_window = false
for _, charge in ipairs(caps) do
  charge.cap.held = charge.cap.held + charge.add
  save_cap(CAPS, charge.counter, charge.cap)
  if charge.is_new and charge.cap.ends ~= '-' then
    redis.call('ZADD', ENDS, charge.cap.ends, charge.counter)
    has_new_window = true
  end
  record[#record + 1] = int(charge.add) .. ' ' .. int(#charge.counter) .. ':' .. charge.counter
end
if has_new_window then drop_old_caps(CAPS, ENDS) end
redis.call('HSET', OPEN, HOLD, table.concat(record, ' '))
redis.call('ZADD', AGE, int(now), HOLD)
account.held = held
save_account(ACCOUNT, account)
return account_reply(account, 'held')
