-- Puts an account into the index of accounts, so that any node finds its journal.
--   KEYS[1] the index    ARGV[2] account
return redis.call('SADD', KEYS[1], ARGV[2])
