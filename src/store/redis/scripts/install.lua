-- The marks of the installation, written once: format, partitions, mark, and when.
--   KEYS[1] the marks    ARGV[2] format    ARGV[3] partitions    ARGV[4] mark or nothing
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('HSET', KEYS[1], 'format', ARGV[2], 'partitions', ARGV[3], 'created_at', int(now))
end
if ARGV[4] ~= '' then redis.call('HSETNX', KEYS[1], 'mark', ARGV[4]) end
return redis.call('HMGET', KEYS[1], 'format', 'partitions', 'mark', 'created_at')
