-- Credits an account, once per operation id.
--   KEYS[1] account    KEYS[2] journal    KEYS[3] the operation
--   ARGV[2] kind    ARGV[3] amount    ARGV[4] operation id    ARGV[5] how long it is remembered, ms
local account = load_account(KEYS[1])
local operation = ARGV[2] .. ' ' .. ARGV[3]
local before = redis.call('GET', KEYS[3])
if before == operation then return account_reply(account, 'already') end
if before then return account_reply(account, 'mismatch') end
local amount = tonumber(ARGV[3])
local deposited = account.deposited + amount
if deposited > MONEY_MAX or deposited < -MONEY_MAX then
  return account_reply(account, 'out_of_range')
end
redis.call('SET', KEYS[3], operation)
redis.call('PEXPIREAT', KEYS[3], int(now + tonumber(ARGV[5])))
account.deposited = deposited
add_journal(KEYS[2], ARGV[2], ARGV[4], amount, false)
save_account(KEYS[1], account)
return account_reply(account, 'done')
