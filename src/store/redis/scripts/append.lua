-- Appends a fact to a closed lead, once for each fact id.
--   ARGV[4] fact id    ARGV[5] fact    ARGV[6..] effects
-- A fact is the field `fact:<id>`: its number, a colon, its bytes.
local lead = load_lead()
if not lead or lead.state ~= 'C' then return reply('no') end
local field = 'fact:' .. ARGV[4]
if redis.call('HEXISTS', LEAD, field) == 1 then return reply('yes') end
local count = tonumber(redis.call('HGET', LEAD, 'facts') or '0') + 1
if count > FACTS_MAX then return reply('limit facts') end
redis.call('HSET', LEAD, 'facts', int(count), field, int(count) .. ':' .. ARGV[5])
add_effects(lead, 6)
save_lead(lead)
return reply('yes')
