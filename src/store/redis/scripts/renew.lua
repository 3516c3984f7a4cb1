-- Moves the lease's end.
--   ARGV[4] fence    ARGV[5] lease in milliseconds
local lead = load_lead()
if not lead or not owns(lead, ARGV[4]) then return reply('fenced') end
lead.lease_until = now + tonumber(ARGV[5])
save_lead(lead)
return reply('ok')
