-- Sets the ranking and waits for the vendor; the lease ends.
--   ARGV[4] fence    ARGV[5] how many entries    ARGV[6] index    ARGV[7] entries
--   ARGV[8] offers   ARGV[9] when it expires     ARGV[10..] effects
local lead = load_lead()
if not lead then return reply('fenced') end
local fence, expires_at = tonumber(ARGV[4]), tonumber(ARGV[9])
if lead.rounds > 0 then
  -- This very offer was written before, by an owner no newer than the lead's.
  local expiry_fits = lead.state ~= 'O' or lead.expires_at == expires_at
  local offers = redis.call('HGET', LEAD, 'offers') or ''
  if fence <= lead.fence and expiry_fits and offers == ARGV[8] and round_of('1') == ARGV[7] then
    return reply('decided')
  end
end
if lead.fence ~= fence then return reply('fenced') end
if lead.rounds > 0 then return reply('already') end
if not owns(lead, ARGV[4]) then return reply('fenced') end
if lead.ranked + tonumber(ARGV[5]) > RANK_MAX then return reply('limit ranking') end
append_round(lead, tonumber(ARGV[5]), ARGV[6], ARGV[7])
redis.call('HSET', LEAD, 'offers', ARGV[8])
lead.state, lead.expires_at = 'O', expires_at
lead.lease_until = math.min(lead.lease_until, now)
add_effects(lead, 10)
save_lead(lead)
return reply('decided')
