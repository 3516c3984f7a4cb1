-- Takes a lead in under its key, or tells what the key stands for.
--   KEYS[5] the idempotency key    ARGV[4] how long it is known, in milliseconds
--   ARGV[5] the lead's id as text  ARGV[6] fingerprint    ARGV[7] head    ARGV[8] sealed lead
--   ARGV[9] seats    ARGV[10] node    ARGV[11] lease in milliseconds
--   ARGV[12] closing or nothing    ARGV[13] what the end claims    ARGV[14..] effects
local KEY, ID_TEXT, FINGERPRINT = KEYS[5], ARGV[5], ARGV[6]
local FIRST_FENCE = 1

-- What the key stands for: `<lead id> <until> <fingerprint>`.
local known = redis.call('GET', KEY)
if known then
  local id, ends, fingerprint = string.match(known, '^(%S+) (%d+) (.*)$')
  if not id then error('CORRUPT key') end
  if tonumber(ends) > now then
    -- Another lead of the same partition: the slot is the same.
    local lead = redis.call('HGETALL', string.sub(LEAD, 1, -1 - #ID_TEXT) .. id)
    local code = 'same'
    if fingerprint ~= FINGERPRINT then
      code = 'mismatch'
    elseif id == ID_TEXT then
      code = 'created'
    elseif #lead == 0 then
      code = nil
    end
    if code then return { int(now), code, lead, id } end
  end
end
if redis.call('EXISTS', LEAD) == 1 then
  return { int(now), 'limit the lead\'s id is taken', {} }
end

local until_ms = now + tonumber(ARGV[4])
redis.call('SET', KEY, table.concat({ ID_TEXT, int(until_ms), FINGERPRINT }, ' '))
redis.call('PEXPIREAT', KEY, int(until_ms))
redis.call('HSET', LEAD, 'head', ARGV[7], 'created_at', int(now))
if ARGV[8] ~= '' then redis.call('HSET', SEALED, 'lead', ARGV[8]) end
local lead = {
  state = 'R', fence = FIRST_FENCE, lease_until = now + tonumber(ARGV[11]), owner = ARGV[10],
  sequence = 0, rounds = 0, ranked = 0, seats = {},
}
for seat = 1, tonumber(ARGV[9]) do
  lead.seats[seat] = { state = 'O', attempts = {} }
end
add_effects(lead, 14)
if ARGV[12] ~= '' then close_lead(lead, ARGV[12], ARGV[13]) end
save_closed(lead)
return { int(now), 'created', redis.call('HGETALL', LEAD), ID_TEXT }
