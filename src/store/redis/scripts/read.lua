-- The lead as it stands.
return { int(now), '', redis.call('HGETALL', KEYS[1]) }
