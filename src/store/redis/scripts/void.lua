-- Gives a hold back, or forbids one that has not come.
local account = load_account(ACCOUNT)
local ended = redis.call('HGET', ENDED, HOLD)
if ended == 'captured' then return account_reply(account, 'captured') end
if ended then return account_reply(account, 'already') end
local open = redis.call('HGET', OPEN, HOLD)
if open then
  end_hold(account, parse_hold(open), false)
  save_account(ACCOUNT, account)
end
remember('voided')
return account_reply(account, 'done')
