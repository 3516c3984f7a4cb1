-- Takes a lead over whose lease is over. The same node keeps a lease that still runs under the same
-- fence, so that a claim whose reply was lost can be repeated.
--   ARGV[4] node    ARGV[5] lease in milliseconds
local lead = load_lead()
if not lead then return reply('missing') end
if lead.state == 'C' then return reply('closed') end
if lead.state == 'O' then return reply('held') end
local runs = lead.lease_until > now
if runs and lead.owner ~= ARGV[4] then return reply('held') end
lead.owner = ARGV[4]
if not runs then lead.fence = lead.fence + 1 end
lead.lease_until = math.max(lead.lease_until, now + tonumber(ARGV[5]))
save_lead(lead)
return reply('claimed')
