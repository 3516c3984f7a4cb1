-- Goes on with an offered lead, under a new fence.
--   ARGV[4] fingerprint    ARGV[5] sealed lead    ARGV[6] offer ids    ARGV[7] node
--   ARGV[8] lease in milliseconds    ARGV[9..] effects
-- The field `take` remembers who took it: `<node> <fence> <fingerprint>`.
local lead = load_lead()
if not lead then return reply('missing') end
if lead.state ~= 'O' then
  local fields = redis.call('HMGET', LEAD, 'take', 'end', 'taken')
  if not fields[1] then
    if fields[2] == 'e' then return reply('expired') end
    return reply('missing')
  end
  local node, fence, fingerprint = string.match(fields[1], '^(%x+) (%d+) (.*)$')
  if not node then error('CORRUPT take') end
  if fingerprint ~= ARGV[4] then return reply('mismatch') end
  -- The vendor's repeat is sealed anew; only our own repeat has the same sealed bytes.
  local is_repeat = node == ARGV[7] and fields[3] == ARGV[6]
    and redis.call('HGET', SEALED, 'lead') == ARGV[5]
  if is_repeat then return reply('taken ' .. fence) end
  return reply('same')
end
if lead.expires_at <= now then return reply('expired') end
lead.fence = lead.fence + 1
lead.owner, lead.state, lead.expires_at = ARGV[7], 'D', nil
lead.lease_until = now + tonumber(ARGV[8])
local note = table.concat({ ARGV[7], int(lead.fence), ARGV[4] }, ' ')
redis.call('HSET', LEAD, 'take', note, 'taken', ARGV[6])
redis.call('HSET', SEALED, 'lead', ARGV[5])
add_effects(lead, 9)
save_lead(lead)
return reply('taken ' .. int(lead.fence))
