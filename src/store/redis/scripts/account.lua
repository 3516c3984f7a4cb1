-- Operations on an account. All keys of an account are in its slot; money in ten-thousandths.
local MONEY_MAX = 9007199254740991

local function load_account(key)
  local fields = redis.call('HMGET', key, 'deposited', 'posted', 'held')
  return {
    deposited = tonumber(fields[1] or '0'), posted = tonumber(fields[2] or '0'),
    held = tonumber(fields[3] or '0'),
  }
end

local function save_account(key, account)
  redis.call('HSET', key, 'deposited', int(account.deposited), 'posted', int(account.posted),
    'held', int(account.held))
end

local function account_reply(account, code)
  return { int(now), code, int(account.deposited), int(account.posted), int(account.held) }
end

-- Adds to the journal: entries are numbered from 1 without gaps, by the stream itself.
local function add_journal(key, kind, op_id, amount, is_unheld)
  redis.call('XADD', key, '0-*', 'a', int(now), 'k', kind, 'o', op_id, 'm', int(amount),
    'u', is_unheld and '1' or '0')
end
