-- Gives a claim back if it is this lead's.
--   KEYS[1] the claim    ARGV[2] lead
local before = redis.call('GET', KEYS[1])
if before and string.match(before, '^%S+') == ARGV[2] then
  redis.call('DEL', KEYS[1])
end
return 'ok'
