-- Debits an account, from its hold if there is one.
--   KEYS[6] journal    ARGV[4] amount
local AMOUNT = tonumber(ARGV[4])
local account = load_account(ACCOUNT)
local ended = redis.call('HGET', ENDED, HOLD)
if ended == 'captured' then return account_reply(account, 'already') end
local code, open = 'unheld', redis.call('HGET', OPEN, HOLD)
local hold = open and parse_hold(open)
if hold then
  if hold.amount < AMOUNT then
    return account_reply(account, 'limit a capture above the held amount')
  end
  code = 'done'
elseif ended == 'voided' then
  code = 'voided'
end
if account.posted + AMOUNT > MONEY_MAX then
  return account_reply(account, 'limit an account beyond the largest amount')
end
if hold then end_hold(account, hold, true) end
account.posted = account.posted + AMOUNT
remember('captured')
add_journal(KEYS[6], 'capture', HOLD, -AMOUNT, code ~= 'done')
save_account(ACCOUNT, account)
return account_reply(account, code)
