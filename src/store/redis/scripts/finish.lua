-- Ends a lead unless a post may be with a buyer.
--   ARGV[4] fence    ARGV[5] closing    ARGV[6] what the end claims    ARGV[7..] effects
local lead = load_lead()
if not lead or lead.fence ~= tonumber(ARGV[4]) then return reply('fenced') end
if lead.state == 'C' then
  if redis.call('HGET', LEAD, 'closing') == ARGV[5] then return reply('closed') end
  return reply('already')
end
if not owns(lead, ARGV[4]) then return reply('fenced') end
local why = unfit(lead, ARGV[6])
if why == 'locked' then return reply('busy') end
if why then return reply('limit the closing contradicts the seats') end
add_effects(lead, 7)
close_lead(lead, ARGV[5], ARGV[6])
save_closed(lead)
return reply('closed')
