-- Ends the wait for a post that stayed unknown.
--   ARGV[4] seat    ARGV[5] k    ARGV[6] closing or nothing    ARGV[7] what the end claims
--   ARGV[8..] effects
local lead = load_lead()
if not lead then return reply('busy') end
local k = tonumber(ARGV[5])
local seat = lead.seats[tonumber(ARGV[4])]
if seat and seat.state == 'X' and seat.k == k then
  local other = ARGV[6] ~= '' and lead.state == 'C'
    and redis.call('HGET', LEAD, 'closing') ~= ARGV[6]
  return reply(other and 'already' or 'closed')
end
if not (seat and seat.state == 'U' and seat.k == k) then
  return reply(lead.state == 'C' and 'already' or 'busy')
end
seat.state = 'X'
erase_post(ARGV[4], ARGV[5])
add_effects(lead, 8)
if ARGV[6] ~= '' and not unfit(lead, ARGV[7]) then close_lead(lead, ARGV[6], ARGV[7]) end
save_closed(lead)
return reply('closed')
