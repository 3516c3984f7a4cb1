-- Leads that somebody must look at, the longest due first.
--   KEYS[1] who is due    ARGV[2] how many at most
return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', int(now), 'WITHSCORES', 'LIMIT', 0, ARGV[2])
