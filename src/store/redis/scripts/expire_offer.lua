-- Ends an offer that ran out by the store's time.
--   ARGV[4] closing    ARGV[5..] effects
local lead = load_lead()
if not lead then return reply('taken') end
if lead.state ~= 'O' then
  if redis.call('HGET', LEAD, 'end') == 'e' then return reply('closed') end
  return reply('taken')
end
if lead.expires_at > now then return reply('early') end
add_effects(lead, 5)
close_lead(lead, ARGV[4], 'e')
save_closed(lead)
return reply('closed')
