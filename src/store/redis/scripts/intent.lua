-- Writes that a post is about to leave.
--   KEYS[5] where the post belongs    ARGV[4] fence    ARGV[5] seat    ARGV[6] k    ARGV[7] campaign
--   ARGV[8] the post's id    ARGV[9] sealed post    ARGV[10] lease in milliseconds
--   ARGV[11] the lead's id as text
local lead = load_lead()
if not lead or lead.fence ~= tonumber(ARGV[4]) then return reply('fenced') end
local k = tonumber(ARGV[6])
local seat = lead.seats[tonumber(ARGV[5])]
if not seat then return reply('limit seat ' .. ARGV[5] .. ' of ' .. int(#lead.seats)) end
local last = seat.attempts[#seat.attempts]

-- The owner's own intent, still on its way.
if seat.state == 'P' and seat.k == k and last.fence == lead.fence
  and last.campaign == ARGV[7] and last.post == ARGV[8] then
  return reply('ok')
end
if seat.state == 'S' then return reply('sold') end
if seat.state ~= 'O' then return reply('busy') end

local ranked = {}
local index = redis.call('HGET', LEAD, 'index') or ''
for campaign, buyer, entity in string.gmatch(index, '(%S+) (%S+) ([^;]+);') do
  ranked[#ranked + 1] = { campaign = campaign, buyer = buyer, entity = entity }
end
local entry = ranked[k + 1]
local is_after_last = not last or k > last.k
if not entry or lead.state ~= 'D' or not is_after_last or entry.campaign ~= ARGV[7] then
  return reply('stale')
end
for _, other in ipairs(lead.seats) do
  local theirs = other.state ~= 'O' and ranked[other.k + 1]
  if theirs then
    local same_entity = entry.entity ~= '-' and theirs.entity == entry.entity
    if theirs.buyer == entry.buyer or same_entity then return reply('busy') end
  end
end

lead.lease_until = now + tonumber(ARGV[10])
seat.state, seat.k = 'P', k
seat.attempts[#seat.attempts + 1] = {
  k = k, campaign = ARGV[7], post = ARGV[8], at = int(now), verdict = '-', conflict = '0',
  fence = lead.fence, late = '',
}
redis.call('HSET', SEALED, ARGV[5] .. ':' .. ARGV[6], ARGV[9])
redis.call('SET', KEYS[5], table.concat({ ARGV[11], ARGV[5], ARGV[6] }, ' '))
-- A lead closes within the time closed ones are kept, and is kept that long again.
redis.call('PEXPIREAT', KEYS[5], int(now + 2 * KEPT_MS))
save_lead(lead)
return reply('ok')
