-- Says when somebody must look at unknown posts again.
--   ARGV[4] fence    ARGV[5] when
local lead = load_lead()
if not lead or not owns(lead, ARGV[4]) then return reply('fenced') end
lead.due_at = tonumber(ARGV[5])
save_lead(lead)
return reply('ok')
