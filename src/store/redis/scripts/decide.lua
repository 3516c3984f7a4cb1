-- Sets a round's ranking, once and for ever.
--   ARGV[4] fence    ARGV[5] round    ARGV[6] how many entries    ARGV[7] index    ARGV[8] entries
--   ARGV[9..] effects
local lead = load_lead()
if not lead or lead.fence ~= tonumber(ARGV[4]) then return reply('fenced') end
local round, count = tonumber(ARGV[5]), tonumber(ARGV[6])
if round >= 1 and round <= lead.rounds then
  -- The same ranking again is the same decision; any other came too late.
  if round_of(ARGV[5]) == ARGV[8] then return reply('decided') end
  return reply('already')
end
if not owns(lead, ARGV[4]) then return reply('fenced') end
if round ~= lead.rounds + 1 then
  return reply('limit round ' .. ARGV[5] .. ' after ' .. int(lead.rounds) .. ' rounds')
end
if lead.ranked + count > RANK_MAX then return reply('limit ranking') end
append_round(lead, count, ARGV[7], ARGV[8])
lead.state = 'D'
add_effects(lead, 9)
save_lead(lead)
return reply('decided')
