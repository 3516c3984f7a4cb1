-- Claims a consumer for a lead, unless another lead's claim stands: `<lead> <claimed at> <until>`.
-- Whether the lead of an old claim exists cannot be seen from here: it is in another slot. The reply
-- then is `doubtful`; who has looked and found nothing comes again and names the orphan. Claimed again
-- by its lead, a claim is new but ends when it did; then its lead has come, and it is no orphan.
--   KEYS[1] the claim    ARGV[2] lead    ARGV[3] window in milliseconds    ARGV[4] orphan or nothing
local ORPHAN_AFTER_MS = 60000
local before = redis.call('GET', KEYS[1])
if before then
  local lead, claimed_at, ends = string.match(before, '^(%S+) (%d+) (%d+)$')
  if not lead then error('CORRUPT claim') end
  if tonumber(ends) > now and lead == ARGV[2] then
    redis.call('SET', KEYS[1], table.concat({ lead, int(now), ends }, ' '))
    redis.call('PEXPIREAT', KEYS[1], ends)
    return { int(now), 'stands', lead }
  end
  local is_old = now - tonumber(claimed_at) >= ORPHAN_AFTER_MS
  if tonumber(ends) > now and not (is_old and lead == ARGV[4]) then
    local code = 'stands'
    if is_old then code = 'doubtful' end
    return { int(now), code, lead }
  end
end
local until_ms = now + tonumber(ARGV[3])
redis.call('SET', KEYS[1], table.concat({ ARGV[2], int(now), int(until_ms) }, ' '))
redis.call('PEXPIREAT', KEYS[1], int(until_ms))
return { int(now), 'stands', ARGV[2] }
