-- Gives a claim back if it is still the one that was read. A lead that claims again makes it new.
--   KEYS[1] the claim    ARGV[2] the claim as it was read
if redis.call('GET', KEYS[1]) == ARGV[2] then
  redis.call('DEL', KEYS[1])
end
return 'ok'
